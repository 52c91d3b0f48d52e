//! From what happens to the fields of docs/json.md. Pure.

use super::super::plans::subject;
use super::super::{Moment, Scene};
use offlinesync_core::plan::{Counts, Notice};
use offlinesync_core::status::FolderPair;
use offlinesync_core::sync::Report;
use offlinesync_core::{Error, ErrorKind, Event, MessageId, PerSide, Side};
use serde_json::{Map, Value, json};

/// Fields in their order. One that is null is missing.
pub(super) type Fields = Map<String, Value>;

/// An event's name and fields.
pub(super) type Named = (&'static str, Fields);

/// What went wrong. Every cause is in the message, as it is told to people.
pub(super) fn failure(error: &Error) -> Fields {
    let lines = crate::say::error_lines(error);
    let message = lines.first().map(|line| line.strip_prefix("error: ").unwrap_or(line));
    let fields = json!({ "kind": kind(error.kind()), "message": message, "hint": error.hint() });
    object(fields)
}

/// An event of the engine; `None` for one that is told otherwise.
pub(super) fn of_event(scene: &Scene, event: &Event<'_>) -> Option<Named> {
    let account = |name, fields: Value| Some((name, with(object(json!({ "account": scene.account })), fields)));
    match event {
        Event::Connecting { repository, to } => account("connecting", json!({ "repository": repository, "to": to })),
        Event::Connected { repository, how } => account("connected", json!({ "repository": repository, "how": how })),
        Event::FoldersListed { pairs, touched } => {
            account("folders_listed", json!({ "folders": pairs, "touched": touched }))
        }
        Event::Pausing { pause, error } => {
            let fields = object(json!({ "seconds": pause.as_secs_f32().ceil() as u64 }));
            account("server_busy", Value::Object(with(fields, Value::Object(failure(error)))))
        }
        other => of_folder(other).map(|(name, pair, fields)| {
            let place = json!({ "account": scene.account, "folder": pair.remote.as_str(), "local_folder": pair.local.as_str() });
            (name, with(object(place), fields))
        }),
    }
}

fn of_folder<'a>(event: &Event<'a>) -> Option<(&'static str, &'a FolderPair, Value)> {
    Some(match event {
        Event::FolderPaired { pair, missing, touched, recorded } => {
            let missing = missing.map(side);
            ("folder_paired", pair, json!({ "missing": missing, "touched": touched, "recorded": recorded }))
        }
        Event::FolderCreated { pair, on } => ("folder_created", pair, json!({ "on": side(*on) })),
        Event::FolderRenamed { from, to, on } => {
            ("folder_renamed", to, json!({ "from": from[*on].as_str(), "on": side(*on) }))
        }
        Event::FolderStarted { pair } => ("folder_started", pair, json!({})),
        Event::FolderRead { pair, messages } => ("folder_read", pair, json!({ "messages": sides(messages) })),
        Event::NumberingChanged { pair, on, recorded, now } => {
            ("folder_renumbered", pair, json!({ "on": side(*on), "recorded": recorded.0, "now": now.0 }))
        }
        Event::FolderPlanned { pair, counts, .. } => ("folder_planned", pair, of_counts(counts)),
        Event::FolderFailed { pair, error } => ("folder_failed", pair, Value::Object(failure(error))),
        Event::FolderFinished { pair } => ("folder_finished", pair, json!({})),
        Event::BytesCopied { pair, octets } => ("octets", pair, json!({ "octets": octets })),
        Event::MessagesCopied { pair, to, messages } => {
            ("messages_copied", pair, json!({ "to": side(*to), "messages": messages }))
        }
        Event::FlagsChanged { pair, on, messages } => {
            ("flags_changed", pair, json!({ "on": side(*on), "messages": messages }))
        }
        Event::MessagesRemoved { pair, on, messages } => {
            ("messages_removed", pair, json!({ "on": side(*on), "messages": messages }))
        }
        Event::MessagesMoved { from, to, on, messages, .. } => {
            let from = from.remote.as_str();
            ("messages_moved", to, json!({ "from": from, "on": side(*on), "messages": messages }))
        }
        other => return of_message(other),
    })
}

fn of_message<'a>(event: &Event<'a>) -> Option<(&'static str, &'a FolderPair, Value)> {
    Some(match event {
        Event::MessagePlanned { pair, id, to, header } => {
            ("message_planned", pair, json!({ "id": number(id), "to": side(*to), "subject": subject(header) }))
        }
        Event::MessageIgnored { pair, id, to } => {
            ("message_ignored", pair, json!({ "id": number(id), "to": side(*to) }))
        }
        Event::MessageStarted { pair, id, to, octets } => {
            ("message_started", pair, json!({ "id": number(id), "to": side(*to), "octets": octets }))
        }
        Event::Noticed { pair, id, notice } => {
            let notice = match notice {
                Notice::RemovedThoughChanged => "removed_though_changed",
                Notice::KeptBecauseChanged => "kept_because_changed",
            };
            ("message_noticed", pair, json!({ "id": number(id), "notice": notice }))
        }
        Event::MessageFailed { pair, id, on, error } => {
            let place = object(json!({ "id": number(id), "on": side(*on) }));
            ("message_failed", pair, Value::Object(with(place, Value::Object(failure(error)))))
        }
        _ => return None,
    })
}

/// Something that happens around the engine.
pub(super) fn of_moment(scene: &Scene, moment: &Moment<'_>) -> Named {
    let (name, fields) = match moment {
        Moment::AccountOpened => ("account_opened", json!({})),
        Moment::SyncStarted { quick } => ("sync_started", started(scene, *quick)),
        Moment::Hook(text) => ("hook", json!({ "message": text })),
        Moment::SyncEnded { outcome, report } => {
            let done = object(json!({ "exit": outcome.code() }));
            ("sync_ended", Value::Object(with(done, report.map_or(json!({}), of_report))))
        }
        Moment::Pausing { left } => ("pausing", json!({ "seconds": left.as_secs() })),
        Moment::PauseEnded => ("pause_ended", json!({})),
        Moment::AccountClosed => ("account_closed", json!({})),
    };
    (name, with(object(json!({ "account": scene.account })), fields))
}

fn started(scene: &Scene, quick: bool) -> Value {
    let repository = |side: Side| json!({ "name": scene.names[side], "type": scene.types[side] });
    let (remote, local) = (repository(Side::Remote), repository(Side::Local));
    json!({ "quick": quick, "dry_run": scene.dry_run, "remote": remote, "local": local })
}

fn of_report(report: &Report) -> Value {
    let Report { folders, counts, octets, failures, .. } = report;
    json!({
        "folders": folders.len(),
        "copied": sides(&counts.copies),
        "flags": sides(&counts.flags),
        "removed": sides(&counts.removals),
        "octets": octets,
        "failures": failures.len(),
    })
}

fn of_counts(counts: &Counts) -> Value {
    let (copies, flags, removals) = (sides(&counts.copies), sides(&counts.flags), sides(&counts.removals));
    json!({ "copies": copies, "flags": flags, "removals": removals, "records": counts.records })
}

fn with(mut fields: Fields, more: Value) -> Fields {
    fields.extend(object(more));
    fields
}

fn object(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Remote => "remote",
        Side::Local => "local",
    }
}

fn sides(numbers: &PerSide<u64>) -> Value {
    json!({ "remote": numbers.remote, "local": numbers.local })
}

fn number(id: &MessageId) -> Value {
    id.uid().map_or_else(|| json!(id.to_string()), |uid| json!(uid.get()))
}

fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Message => "message",
        ErrorKind::Folder => "folder",
        ErrorKind::Numbering => "numbering",
        ErrorKind::Refused => "refused",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Authentication => "authentication",
        ErrorKind::Security => "security",
        ErrorKind::Configuration => "configuration",
        ErrorKind::Storage => "storage",
        ErrorKind::Denied => "denied",
        ErrorKind::Protocol => "protocol",
        ErrorKind::Locked => "locked",
        ErrorKind::Cancelled => "cancelled",
        _ => "other",
    }
}
