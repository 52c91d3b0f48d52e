//! Opening the status file: creating it, telling whose it is, bringing it up to date. Touches that file and its directory.

use super::failure::Failure;
use super::schema::{APPLICATION_ID, STEPS};
use crate::error::{Error, ErrorKind};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs::{File, OpenOptions};
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another process may keep the file locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many pages of 4 KiB the log may have where nothing is waited for.
const LONG_LOG: &str = "PRAGMA wal_autocheckpoint = 4000";

/// What a file is.
enum Format {
    Empty,
    Version(usize),
}

pub(super) fn writable(path: &Path, fsync: bool) -> Result<Connection, Failure> {
    create(path, fsync)?;
    let left_log = log_length(path) > 0;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = prepared(Connection::open_with_flags(path, flags)?)?;
    let format = format(&connection, STEPS.len())?;
    if matches!(format, Format::Empty) {
        fill(&mut connection, path, fsync)?;
    }
    match fsync {
        true => connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")?,
        false => wait_seldom(&connection, left_log)?,
    }
    if matches!(format, Format::Version(version) if version < STEPS.len()) {
        migrate(&mut connection, STEPS)?;
    }
    Ok(connection)
}

/// Gives an empty file its form. What there is nothing in yet need not be safe at every step: without `fsync` it is waited for the disk
/// once, in the end.
fn fill(connection: &mut Connection, path: &Path, fsync: bool) -> Result<(), Failure> {
    if fsync {
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")?;
        return migrate(connection, STEPS);
    }
    connection.execute_batch("PRAGMA synchronous = OFF;")?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    migrate(connection, STEPS)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    File::open(path).and_then(|file| file.sync_all()).map_err(io)
}

/// The log is never waited for, so a power failure may undo what is in it, but takes nothing apart. It is carried over into the file
/// only when it has become long, and at the end of a run that found one: then the disk has long had it, while right after many
/// files were made it is busy with those.
fn wait_seldom(connection: &Connection, left_log: bool) -> Result<(), Failure> {
    connection.execute_batch("PRAGMA synchronous = NORMAL;")?;
    connection.query_row(LONG_LOG, [], |_| Ok(()))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !left_log)?;
    Ok(())
}

/// `None` if there is no file.
pub(super) fn read_only(path: &Path) -> Result<Option<Connection>, Failure> {
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        Err(error) => return Err(io(error)),
    }
    let connection = prepared(open_for_reading(path)?)?;
    match format(&connection, STEPS.len())? {
        Format::Empty => Ok(None),
        Format::Version(version) if version < STEPS.len() => Err(older(version)),
        Format::Version(_) => Ok(Some(connection)),
    }
}

fn prepared(connection: Connection) -> Result<Connection, Failure> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2000;")?;
    Ok(connection)
}

/// Creates the file, empty and for its owner alone; SQLite gives its side files the same mode.
fn create(path: &Path, fsync: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) if fsync => sync_directory(path).map_err(io),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == Io::AlreadyExists => Ok(()),
        Err(error) => Err(io(error)),
    }
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match cfg!(unix) {
        true => File::open(directory)?.sync_all(),
        false => Ok(()),
    }
}

fn io(error: std::io::Error) -> Failure {
    Failure::Other(Error::io("the status file cannot be opened", error, ErrorKind::Storage))
}

/// Without a log to replay, the file is read as it lies there, and nothing beside it is created.
fn open_for_reading(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match log_length(path) {
        0 => Ok(Connection::open_with_flags(immutable_uri(path), flags | OpenFlags::SQLITE_OPEN_URI)?),
        _ => Ok(Connection::open_with_flags(path, flags)?),
    }
}

/// How many octets wait in the log beside the file.
fn log_length(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).map_or(0, |log| log.len())
}

fn immutable_uri(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let path = path.as_os_str().as_encoded_bytes().iter();
    let escaped: String =
        path.map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect();
    let root = if escaped.starts_with('/') { "//" } else { "" };
    format!("file:{root}{escaped}?immutable=1")
}

/// Whose file it is, and which version; `latest` is the newest version known.
fn format(connection: &Connection, latest: usize) -> Result<Format, Failure> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let owner = number("PRAGMA application_id")?;
    if owner == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(Format::Empty);
    }
    if owner != i64::from(APPLICATION_ID) {
        let message = "this SQLite file is not a status file of offlinesync";
        return Err(Failure::Other(Error::new(ErrorKind::Storage, message)));
    }
    let version = number("PRAGMA user_version")?;
    match usize::try_from(version) {
        Ok(version) if version <= latest => Ok(Format::Version(version)),
        _ => Err(newer(version, latest)),
    }
}

fn newer(version: i64, latest: usize) -> Failure {
    let message =
        format!("the status file has format {version}, and this version of offlinesync knows none above {latest}");
    Failure::Other(
        Error::new(ErrorKind::Storage, message)
            .with_hint("use the newer offlinesync that wrote it; nothing was changed"),
    )
}

fn older(version: usize) -> Failure {
    let message =
        format!("the status file has the older format {version}, and a run that changes nothing cannot convert it");
    Failure::Other(Error::new(ErrorKind::Storage, message).with_hint("sync once without --dry-run"))
}

/// Takes all missing steps in one transaction; another process may have taken them meanwhile.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = match format(&transaction, steps.len())? {
        Format::Empty => 0,
        Format::Version(version) => version,
    };
    for step in &steps[version..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", steps.len() as i64)?;
    Ok(transaction.commit()?)
}
