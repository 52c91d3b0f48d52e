//! What a store refuses to have changed, in the words that OfflineIMAP has for it. Pure.

use super::Scene;
use super::effects::Numbering;
use super::plans::place;
use offlinesync_core::Side;
use offlinesync_core::plan::{Change, Plan, Refused};
use offlinesync_core::status::FolderPair;
use offlinesync_core::wording::are;

/// So many messages that are not copied are told one by one.
const MOST: usize = 20;

/// The warnings about a folder.
pub(super) fn lines(scene: &Scene, pair: &FolderPair, plan: &Plan) -> Vec<String> {
    let mut numbers = Numbering::default();
    let mut number = |refused: &Refused| numbers.number(refused.ids.remote.as_ref(), refused.ids.local.as_ref());
    let mut lines = Vec::new();
    for side in Side::BOTH {
        let place = place(&scene.types, pair, side);
        let mut of = |change: Change| -> Vec<i64> {
            let own = plan.refused.iter().filter(|refused| refused.on == side && refused.change == change);
            own.map(&mut number).collect()
        };
        let (copies, removals, flags) = (of(Change::Copy), of(Change::Removal), of(Change::Flags));
        lines.extend(copies.iter().take(MOST).map(|number| {
            format!(
                "Attempted to synchronize message {number} to folder {place}, but that folder is read-only.  \
                 The message will not be copied to that folder."
            )
        }));
        if let Some(more) = copies.len().checked_sub(MOST).filter(|more| *more > 0) {
            let are = are(more, "more message");
            lines.push(format!("{are} not copied to folder {place}, which is read-only."));
        }
        if !removals.is_empty() {
            lines.push(format!(
                "Attempted to delete messages {removals:?} in folder {place}, but that folder is read-only.  \
                 No messages have been deleted in that folder."
            ));
        }
        if !flags.is_empty() {
            lines.push(format!(
                "Attempted to modify flags for messages {flags:?} in folder {place}, but that folder is read-only.  \
                 No flags have been modified for that message."
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use offlinesync_core::{MessageId, PerSide, Uid};

    #[test]
    fn a_flood_of_messages_that_are_not_copied_is_summed_up() {
        let refused = |n: usize| Refused {
            on: Side::Remote,
            ids: PerSide { remote: None, local: Some(MessageId::Name(n.to_string().into())) },
            change: Change::Copy,
        };
        let pair = FolderPair { remote: "a".into(), local: "b".into() };
        let scene = Scene { types: PerSide { remote: "IMAP", local: "Maildir" }, ..Scene::default() };
        let lines = |n| lines(&scene, &pair, &Plan { refused: (0..n).map(refused).collect(), ..Plan::default() });
        assert_eq!(lines(MOST).len(), MOST);
        let flood = lines(MOST + 7);
        assert_eq!(flood.len(), MOST + 1);
        assert!(flood[1].starts_with("Attempted to synchronize message -2 to folder IMAP[a], but"), "{}", flood[1]);
        assert_eq!(flood[MOST], "7 more messages are not copied to folder IMAP[a], which is read-only.");
    }

    #[test]
    fn removals_and_flags_are_told_together_by_uid() {
        let refused = |uid: u32, change| Refused {
            on: Side::Remote,
            ids: PerSide { remote: Uid::new(uid).map(MessageId::from), local: None },
            change,
        };
        let pair = FolderPair { remote: "a".into(), local: "b".into() };
        let scene = Scene { types: PerSide { remote: "IMAP", local: "Maildir" }, ..Scene::default() };
        let plan = Plan {
            refused: vec![refused(3, Change::Removal), refused(4, Change::Flags), refused(5, Change::Removal)],
            ..Plan::default()
        };
        assert_eq!(
            lines(&scene, &pair, &plan),
            [
                "Attempted to delete messages [3, 5] in folder IMAP[a], but that folder is read-only.  \
                 No messages have been deleted in that folder.",
                "Attempted to modify flags for messages [4] in folder IMAP[a], but that folder is read-only.  \
                 No flags have been modified for that message.",
            ]
        );
    }
}
