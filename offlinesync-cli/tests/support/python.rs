//! Helpers of the tests: a real Python beside us, to be asked what it makes of the same input.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A `python3` that runs a script of ours and answers each text with one line.
pub(crate) struct Python {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Python {
    /// Starts `tests/support/<script>`.
    pub(crate) fn start(script: &str) -> Python {
        let path = format!("{}/tests/support/{script}", env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new("python3")
            .args(["-W", "ignore", &path])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test compares with Python and needs `python3` in the PATH");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Python { child, input, output }
    }

    /// Sends texts, each in hexadecimal, in one line; answers the line that comes back.
    pub(crate) fn ask(&mut self, texts: &[&str]) -> String {
        let line: Vec<String> = texts.iter().map(|text| hex(text)).collect();
        writeln!(self.input, "{}", line.join(" ")).unwrap();
        self.input.flush().unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        assert!(answer.ends_with('\n'), "python3 ended before it answered");
        answer.trim_end_matches('\n').to_owned()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The octets of a text as hexadecimal digits; `-` for none.
pub(crate) fn hex(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.bytes().map(|byte| format!("{byte:02x}")).collect() }
}
