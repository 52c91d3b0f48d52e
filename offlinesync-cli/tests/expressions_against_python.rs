//! Expressions come to what they come to in Python, and what could reach the system is refused.

mod support;

use offlinesync_cli::config::pyexpr::{Expression, PyError};
use proptest::prelude::*;
use std::cell::RefCell;
use support::python::Python;

/// Expressions as configurations have them, with a folder name to call them with.
const CASES: &[(&str, &str)] = &[
    (r"lambda f: re.sub('^INBOX\.', '', f)", "INBOX.foo"),
    (r"lambda f: re.sub(r'^INBOX\.', '', f)", "INBOX.foo"),
    (r"lambda folder: folder in ['INBOX','Sent'] or folder.startswith('Lists.')", "Lists.x"),
    (r"lambda f: not re.search('(Trash|Spam)$', f)", "a.Spam"),
    (r"['debian.user', 'debian.personal']", ""),
    (r"lambda f: 'INBOX' if f == 'in' else 'x.' + f", "foo"),
    (r"lambda f: {'a': 'b', 'Sent': 'Sent Items'}.get(f, f)", "Sent"),
    (r"lambda f: f[6:] if f[:6] == 'INBOX.' else f", "INBOX.q"),
    (r"lambda f: f.replace('INBOX.', '').replace('.', '/').lower()", "INBOX.A.B"),
    (r"lambda f: (lambda x: x.upper())(f)", "abc"),
    (r"lambda f: re.sub(r'.*(\d+)-(\w+)', r'\2/\1', f)", "a1-b"),
    (r"lambda f: f.startswith(('a','b'))", "bcd"),
    (r"lambda f: '%s/%s' % ('x', f)", "q"),
    (r#"lambda f: f"x/{f}""#, "q"),
    (r"lambda f: any([f.endswith(x) for x in ['a','b']])", "bb"),
    (r"lambda f: any(f.endswith(x) for x in ['a','b'])", "bb"),
    (r"lambda f: f is not None", "bb"),
    (r"lambda f: 1 < len(f) < 5", "bb"),
    (r"lambda f: f in {'a','b'}", "a"),
    (r"lambda f: 'a' 'b' + f", "a"),
    (r"lambda f: re.search('^x', f) is None", "a"),
    (r"lambda f: f not in ['Trash']", "a"),
    (r"lambda f: u'INBOX' + f", "a"),
    (r"lambda f: [x for x in f.split('.') if x][-1]", "a.b."),
    (r"lambda f: re.match('a.c', f) and True", "abc"),
    (r"lambda f: bool(re.search(r'^(?!INBOX)', f))", "abc"),
    (r"lambda foldername: {'INBOX': [2, 3, 4]}.get(foldername)", "INBOX"),
    ("lambda f: f in [\n'a',\n'b']", "b"),
    ("lambda f: re.sub('^x', '',\nf)", "xb"),
    (r"lambda f: re.sub('(?i)^inbox', 'X', f)", "INBOX"),
    (r"lambda f: re.sub('^(.)', lambda m: m.group(1).upper(), f)", "abc"),
    (r"lambda f: re.search('^(.)', f).group(1)", "abc"),
    (r"lambda f: re.compile('a').sub('b', f)", "abc"),
    (r"lambda f: re.split('[./]', f)", "a.b/c"),
    (r"lambda f: '/'.join(reversed(f.split('.')))", "a.b"),
    (r"lambda f: f.split('.')[::-1]", "a.b"),
    (r"lambda f: f.count('.') >= 1 and len(f) % 2 == 1", "a.b"),
    (r"lambda f: dict(a='b').get(f, f)", "a"),
    (r"lambda f: re.sub('^Sent$', 'root/Sent', re.sub('^\[Gmail\]/', '', f))", "[Gmail]/Sent"),
    (r"lambda f: os.path.basename(f)", "a/b"),
    (r"lambda f: bool(re.search('b', f))", "ab"),
    (r"lambda f: f == 'a' and not (f == 'b' or f != 'a')", "a"),
    (r#"lambda f: "{0}/{1}".format('x', f)"#, "q"),
    (r"lambda f: max([1,2]) + sum([1]) + int('3')", "q"),
    (r"lambda f, x=1: f * 2", "q"),
    // Idioms found in real files.
    (
        r"lambda f: re.sub('.*All Mail$', 'archive', re.sub('.*Drafts$', 'drafts', re.sub('.*Sent Mail$', 'sent', f)))",
        "[Gmail]/All Mail",
    ),
    (
        r"lambda folder: re.sub('^\[gmail\]', 'bak', re.sub('sent_mail', 'sent', re.sub(' ', '_', folder.lower())))",
        "[Gmail]/Sent Mail",
    ),
    ("lambda folder: re.sub('a', 'b',\n# re.sub('c', 'd', folder))\nfolder)", "cab"),
    (
        r"lambda f: {'[Gmail]/Bin': 'trash'}.get(f, re.sub(' ', '_', re.sub('^\[Gmail\]/', '', f)).lower())",
        "[Gmail]/All Mail",
    ),
    (r"lambda folder: {'inbox': 'INBOX'}.get(folder, folder.title())", "sent items"),
    (r#"lambda f: ["INBOX." + f, f][f == "INBOX"]"#, "INBOX"),
    (r"lambda folder: folder.capitalize() if folder in ['inbox', 'junk',] else folder", "junk"),
    (r"lambda f: '[Gmail]/' + f if f in ['Drafts'] else f", "Drafts"),
    (r"lambda f: re.sub(' ', '\u00a0', f)", "a b"),
    (r"lambda f: re.sub('\s+', '', re.sub('(.+)(\\.)(.+)', '\\1_\\3', re.sub('(^.{1})', '.\\1', f)))", "a b.c d"),
    (r"lambda f: re.sub('^(\[G.*ail\]|INBOX)', 'root', f)", "[Google Mail]/x"),
    (r"lambda f: 'INBOX' if f == '' else f.replace('.', '', 1)", ".Sent.x"),
    (r"lambda f: f not in '[Gmail]/All Mail'", "All"),
    (r"lambda f: f in ['a' 'b', 'c']", "ab"),
    (r"lambda f: any(f in s for s in ['xay', 'b'])", "a"),
    ("lambda f: f.startswith('[Gmail]/') and \\\n  f[8:] in ['All Mail']", "[Gmail]/All Mail"),
    (r"lambda f: f.split('/')[0] in ('INBOX', 'Drafts')", "INBOX/x"),
    (r"lambda f: not re.search('(^draft|^junk)', f, re.IGNORECASE)", "Drafts"),
    (r"lambda f: f.startswith('.S/') or f in ['x'] or bool(re.search('Draft', f))", "aDraft"),
    (r"lambda f: 'important' not in f.lower()", "Important"),
    (r"lambda f: re.sub('^([^[]+)$', lambda m: '[x]/' + m.group(0), f)", "Sent"),
    (r"lambda f: f.rsplit('/', 1)[-1]", "a/b/c"),
    (r"lambda f: '.'.join(p.strip().replace(' ', '-') for p in f.split('/') if p)", "a b/ c "),
    (r"lambda f: {k: v for k, v in [('a', 1), ('b', 2)]}[f]", "b"),
    (r"lambda f: sorted(['b', 'a', 'C'], key=lambda s: s.lower(), reverse=True)", ""),
    (r"lambda f: re.findall('([a-z])(\d)?', f)", "a1b"),
    (r"lambda f: re.sub('x*', '-', f)", "abxd"),
    (r"lambda f: re.sub('(?P<a>.)(?P<b>.)', r'\g<b>\g<a>\g<0>', f)", "abcd"),
    (r"lambda f: f'{f!r:>8}|{len(f):03d}|{{}}'", "ab"),
    (r"lambda f: '%-4s|%03d|%r|%%' % (f, 7, f)", "ab"),
    (r"lambda f: (-7 // 2, -7 % 3, 7 % -3, -(2), 7 // -2, not 0, +3)", ""),
    (r"lambda f: f[-2:] + f[:-2] + f[1:3] + f[::2] + f[5:] + f[-100:1]", "abcd"),
    (r"lambda f: [a + b for a in f for b in 'xy' if a != 'b']", "ab"),
    (r"lambda f: f.partition('.') + f.rpartition('.')", "a.b.c"),
    (r"lambda f: (f.find('b'), f.rfind('b'), f.find('z'), f.count('b'))", "äbcb"),
    (r"lambda f: f.title() + f.swapcase() + f.capitalize()", "über den wOlken it's"),
    (r"lambda f: re.escape(f)", "a.b-c d/[e]"),
    (r"lambda f: re.sub(re.escape('[Gmail]'), '', f)", "[Gmail]x"),
    (r"lambda f: re.fullmatch('[]a]+', f) is not None", "]a"),
    (r"lambda f: re.sub('a{', 'b', f)", "a{"),
    (r"lambda f: list(map(lambda p: p[::-1], filter(None, f.split('.'))))", "ab..cd"),
    (r"lambda f: list(enumerate(zip(f, 'xyz'), 1))", "ab"),
    (r"lambda f: f or 'x' and 'y'", ""),
    (r"lambda f: True == 1 and 1 in [True] and None is None and 'a' < 'b' <= 'b'", ""),
    (r"lambda f: (1, 'a') < (1, 'b')", ""),
    (r##"lambda f: str([1, 'a', None, True, ('x',), {'k': "it's"}])"##, ""),
    (r"'a', 'b'", ""),
    (r"[]", ""),
    (r"{'a'}", ""),
    (r"'ABC'[1].lower() * 3", ""),
];

/// What Python allows and we refuse on purpose, with a word of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("lambda f: (y := f) + y", ":="),
    ("os.environ.get('HOME')", "os.environ"),
    ("__import__('os').system('id')", "__import__"),
    ("lambda f: os.system('id')", "os.system"),
    ("open('/etc/passwd').read()", "open"),
    ("lambda f: f.__class__.__mro__", "__class__"),
    ("eval('1')", "eval"),
    ("get_pass('x')", "get_pass"),
    ("lambda f: (lambda g: g(g))(lambda g: g(g))", "deep"),
    (r"lambda f: re.search(r'((a|aa)+)\1c', 'a' * 5000 + 'b')", "too long"),
    ("'a' * 10000000000", "too long"),
    ("[0] * 1000000000", "too long"),
    ("lambda f: [x for a in range(10000) for b in range(10000) for x in 'abc']", "too long"),
    ("range(9223372036854775807)", "too long"),
    ("'%1000000000s' % 'a'", "format"),
    ("9223372036854775807 + 1", "too large"),
    ("b'x'", "bytes"),
    ("import os", "import"),
    ("lambda f: f = 1", "="),
];

fn ours(expression: &str, argument: &str) -> Result<String, PyError> {
    let expression = Expression::parse(expression)?;
    if expression.is_function() { expression.call_for_repr(&[argument]) } else { expression.repr() }
}

#[test]
fn expressions_of_real_files_come_to_what_python_says() {
    let mut python = Python::start("expression_oracle.py");
    for (expression, argument) in CASES {
        let theirs = python.ask(&[expression, argument]);
        assert_ne!(theirs, "ERROR", "{expression}");
        let ours = ours(expression, argument).unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert_eq!(ours, theirs, "{expression}");
    }
}

#[test]
fn what_reaches_the_system_or_runs_away_is_refused_quickly() {
    for (expression, reason) in REFUSED {
        let error = ours(expression, "x").expect_err(expression).to_string();
        assert!(error.contains(reason), "{expression}: {error}");
    }
    let deep = "(".repeat(100_000) + &")".repeat(100_000);
    let nots = "not ".repeat(100_000) + "1";
    let long = "1 + ".repeat(15_000) + "1";
    for hostile in [
        deep,
        nots,
        long,
        "[".repeat(10_000),
        "lambda: ".repeat(5_000) + "1",
        "-".repeat(50_000) + "1",
        ".a".repeat(9_000),
    ] {
        assert!(ours(&hostile, "").is_err());
    }
    let chain = "'a'".to_owned() + &".replace('a', 'aa')[:9]".repeat(60);
    assert_eq!(ours(&chain, "").unwrap(), "'aaaaaaaaa'");
}

#[test]
fn a_name_that_only_python_code_could_define_is_found_without_running() {
    let error = Expression::parse("lambda f: [f] and {'a': nt_remote(f)}").unwrap_err();
    assert_eq!(error.unknown_name.as_deref(), Some("nt_remote"));
    assert!(Expression::parse("lambda f: [g for g in f if g] + [g]").is_err());
}

#[test]
fn python_2_idioms_that_mean_nothing_any_more_are_tolerated() {
    assert_eq!(ours("lambda f: f.decode('utf-8').encode('utf8')", "q").unwrap(), "'q'");
    assert_eq!(ours("cmp('a', 'b')", "").unwrap(), "-1");
    assert!(ours("lambda f: f.decode('imap4-utf-7')", "q").unwrap_err().to_string().contains("utf8foldernames"));
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("f".to_owned()),
        "[0-3]".prop_map(|digit| digit),
        "'[a-c./ ]{0,3}'".prop_map(|text| text),
        Just("None".to_owned()),
        Just("True".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            (
                two.clone(),
                prop::sample::select(vec![
                    "+", "-", "*", "//", "%", "==", "!=", "<", "<=", "in", "not in", "and", "or"
                ])
            )
                .prop_map(|((a, b), op)| format!("{a} {op} {b}")),
            (two.clone(), inner.clone()).prop_map(|((a, b), c)| format!("({a} if {b} else {c})")),
            two.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
            two.clone().prop_map(|(a, b)| format!("({a}, {b})[{a}]")),
            two.clone().prop_map(|(a, b)| format!("({a})[{b}:]")),
            two.clone().prop_map(|(a, b)| format!("f.replace({a}, {b})")),
            two.clone().prop_map(|(a, b)| format!("{{{a}: {b}}}.get(f, {b})")),
            two.clone().prop_map(|(a, b)| format!("[x for x in {a} if x != {b}]")),
            inner.clone().prop_map(|a| format!("not {a}")),
            inner.clone().prop_map(|a| format!("({a}).split('.')")),
            inner.clone().prop_map(|a| format!("len({a})")),
            inner.clone().prop_map(|a| format!("({a}).strip().title()")),
            (inner, "[a-c.]([*+?]|\\|b)?").prop_map(|(a, pattern)| format!("re.sub(r'{pattern}', '<\\\\g<0>>', {a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_expressions_come_to_what_python_says(body in expression(), argument in "[a-c./ ]{0,5}") {
        thread_local! { static PYTHON: RefCell<Python> = RefCell::new(Python::start("expression_oracle.py")); }
        let text = format!("lambda f: {body}");
        let theirs = PYTHON.with_borrow_mut(|python| python.ask(&[&text, &argument]));
        match ours(&text, &argument) {
            Ok(ours) => prop_assert_eq!(ours, theirs, "{}", text),
            Err(error) => prop_assert_eq!("ERROR", theirs, "{}: {}", text, error),
        }
    }

    #[test]
    fn no_input_makes_the_evaluator_panic(text in "[a-z'\"\\[\\](){}:,.+*%=<> 0-9\\\\]{0,40}") {
        if let Ok(expression) = Expression::parse(&text) {
            let _ = expression.repr();
            let _ = expression.call_for_truth(&["INBOX"]);
        }
    }
}
