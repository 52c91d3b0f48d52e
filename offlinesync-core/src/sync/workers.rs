//! Runs tasks side by side on a bounded number of threads. Knows nothing of mail.

use std::sync::{Mutex, PoisonError};

/// Calls `work` for every task on up to `threads` threads, first task first; answers the results in the order of the tasks.
pub(super) fn side_by_side<T: Send, R: Send>(tasks: Vec<T>, threads: usize, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    if threads <= 1 || tasks.len() <= 1 {
        return tasks.into_iter().map(work).collect();
    }
    let threads = threads.min(tasks.len());
    let queue = Mutex::new(tasks.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((at, task)) = next else { return };
                    let result = work(task);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::side_by_side;

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        for threads in [1, 3, 50] {
            let results = side_by_side((0..20).collect(), threads, |n| n * n);
            assert_eq!(results, (0..20).map(|n| n * n).collect::<Vec<_>>());
        }
    }
}
