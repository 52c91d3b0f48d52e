//! imap-codec.

use super::*;
use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::core::{NString, NString8, QuotedChar};
use imap_codec::imap_types::extensions::uidplus::{UidElement, UidSet};
use imap_codec::imap_types::fetch::{MessageDataItem, Section};
use imap_codec::imap_types::flag::{Flag, FlagFetch, FlagNameAttribute, FlagPerm};
use imap_codec::imap_types::mailbox::Mailbox;
use imap_codec::imap_types::response as theirs;
use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};
use imap_codec::imap_types::status::StatusDataItem;
use offlinesync_core::InternalDate;

/// `Err` if it does not accept the line.
pub(crate) fn parse(line: &[u8]) -> Result<Meaning, ()> {
    match ResponseCodec::default().decode(line) {
        Ok(([], response)) => Ok(meaning(&response)),
        _ => Err(()),
    }
}

pub(crate) fn meaning(response: &theirs::Response<'_>) -> Meaning {
    Some(match response {
        theirs::Response::CommandContinuationRequest(_) => Response::Continue(Box::default()),
        theirs::Response::Status(status) => of_status(status),
        theirs::Response::Data(data) => Response::Data(of_data(data)?),
    })
}

fn of_status(given: &theirs::Status<'_>) -> Response {
    let body = |body: &theirs::StatusBody<'_>| {
        let condition = match body.kind {
            theirs::StatusKind::Ok => Condition::Ok,
            theirs::StatusKind::No => Condition::No,
            theirs::StatusKind::Bad => Condition::Bad,
        };
        status(condition, body.code.as_ref().and_then(code), body.text.inner())
    };
    match given {
        theirs::Status::Untagged(given) => Response::Status(body(given)),
        theirs::Status::Tagged(given) => {
            Response::Tagged(Tagged { tag: given.tag.inner().into(), status: body(&given.body) })
        }
        theirs::Status::Bye(bye) => {
            Response::Status(status(Condition::Bye, bye.code.as_ref().and_then(code), bye.text.inner()))
        }
    }
}

fn code(code: &theirs::Code<'_>) -> Option<Code> {
    use theirs::Code as Their;
    Some(match code {
        Their::Alert => Code::Alert,
        Their::Capability(list) => Code::Capability(words(list.as_ref())),
        Their::PermanentFlags(list) => Code::PermanentFlags {
            flags: flags(list.iter().filter_map(|f| match f {
                FlagPerm::Flag(flag) => Some(flag.to_string()),
                FlagPerm::Asterisk => None,
            })),
            any_keyword: list.contains(&FlagPerm::Asterisk),
        },
        Their::ReadOnly => Code::ReadOnly,
        Their::ReadWrite => Code::ReadWrite,
        Their::TryCreate => Code::TryCreate,
        Their::UidNext(n) => Code::UidNext(n.get()),
        Their::UidValidity(n) => Code::UidValidity(n.get()),
        Their::OverQuota => Code::OverQuota,
        Their::TooBig => Code::TooBig,
        Their::AppendUid { uid_validity, uid } => {
            Code::AppendUid { uid_validity: uid_validity.get(), uids: vec![range(uid.get(), uid.get())?] }
        }
        Their::CopyUid { uid_validity, source, destination } => {
            Code::CopyUid { uid_validity: uid_validity.get(), from: uids(source)?, to: uids(destination)? }
        }
        Their::UidNotSticky => Code::UidNotSticky,
        Their::HighestModSeq(n) => Code::HighestModSeq(n.get()),
        Their::Modified(set) => Code::Modified(sequence(set)?),
        Their::NoModSeq => Code::NoModSeq,
        Their::Closed => Code::Closed,
        _ => unknown()?,
    })
}

fn uids(set: &UidSet) -> Option<Vec<(Uid, Uid)>> {
    let one = |element: &UidElement| match element {
        UidElement::Single(n) => range(n.get(), n.get()),
        UidElement::Range(a, b) => range(a.get(), b.get()),
    };
    set.0.as_ref().iter().map(one).collect()
}

fn sequence(set: &SequenceSet) -> Option<Vec<(Uid, Uid)>> {
    let number = |n: &SeqOrUid| match n {
        SeqOrUid::Value(n) => Some(n.get()),
        SeqOrUid::Asterisk => None,
    };
    let one = |element: &Sequence| match element {
        Sequence::Single(n) => range(number(n)?, number(n)?),
        Sequence::Range(a, b) => range(number(a)?, number(b)?),
    };
    set.0.as_ref().iter().map(one).collect()
}

fn of_data(data: &theirs::Data<'_>) -> Option<Data> {
    use theirs::Data as Their;
    Some(match data {
        Their::Capability(list) => Data::Capability(words(list.as_ref())),
        Their::Enabled { capabilities } => Data::Enabled(words(capabilities)),
        Their::List { items, delimiter, mailbox } => Data::List(entry(items, *delimiter, mailbox)),
        Their::Lsub { items, delimiter, mailbox } => Data::Lsub(entry(items, *delimiter, mailbox)),
        Their::Status { mailbox, items } => Data::Status(mailbox_status(mailbox, items)),
        Their::Search(numbers, mod_seq) => {
            Data::Search { numbers: numbers.iter().map(|n| n.get()).collect(), mod_seq: mod_seq.map(|n| n.get()) }
        }
        Their::Flags(list) => Data::Flags(flags(list.iter().map(Flag::to_string))),
        Their::Exists(n) => Data::Exists(*n),
        Their::Recent(n) => Data::Recent(*n),
        Their::Expunge(n) => Data::Expunge(n.get()),
        Their::Fetch { seq, items } => Data::Fetch(fetch(seq.get(), items.as_ref())?),
        Their::Vanished { earlier, known_uids } => Data::Vanished { earlier: *earlier, uids: sequence(known_uids)? },
        Their::Namespace { personal, other, shared } => {
            let all = |list: &imap_codec::imap_types::extensions::namespace::Namespaces<'_>| {
                let one = |n: &imap_codec::imap_types::extensions::namespace::Namespace<'_>| Namespace {
                    prefix: n.prefix.as_ref().into(),
                    separator: n.delimiter.as_ref().map(QuotedChar::inner),
                };
                list.iter().map(one).collect()
            };
            Data::Namespace { personal: all(personal), other: all(other), shared: all(shared) }
        }
        _ => return None,
    })
}

fn name(mailbox: &Mailbox<'_>) -> Box<[u8]> {
    match mailbox {
        Mailbox::Inbox => b"INBOX".as_slice().into(),
        Mailbox::Other(other) => other.as_ref().into(),
    }
}

fn entry(items: &[FlagNameAttribute<'_>], delimiter: Option<QuotedChar>, mailbox: &Mailbox<'_>) -> ListEntry {
    let attributes = items.iter().map(|i| i.to_string().into()).collect();
    ListEntry { attributes, separator: delimiter.map(|d| d.inner()), name: name(mailbox) }
}

fn mailbox_status(mailbox: &Mailbox<'_>, items: &[StatusDataItem]) -> MailboxStatus {
    let mut status = MailboxStatus { name: name(mailbox), ..MailboxStatus::default() };
    for item in items {
        match item {
            StatusDataItem::Messages(n) => status.messages = Some((*n).into()),
            StatusDataItem::UidNext(n) => status.uid_next = Some(n.get()),
            StatusDataItem::UidValidity(n) => status.uid_validity = Some(n.get()),
            StatusDataItem::Unseen(n) => status.unseen = Some((*n).into()),
            StatusDataItem::HighestModSeq(n) => status.highest_mod_seq = Some(*n),
            _ => {}
        }
    }
    status
}

/// `None` where an attribute comes twice.
fn fetch(seq: u32, items: &[MessageDataItem<'_>]) -> Option<Fetch> {
    let mut fetch = Fetch { seq, ..Fetch::default() };
    let (mut bodies, mut headers) = (0, 0);
    for item in items {
        match item {
            MessageDataItem::Uid(n) => fetch.uid = Uid::new(n.get()),
            MessageDataItem::Flags(list) => fetch.flags = Some(fetched_flags(list)),
            MessageDataItem::ModSeq(n) => fetch.mod_seq = Some(n.get()),
            MessageDataItem::Rfc822Size(n) => fetch.size = Some((*n).into()),
            MessageDataItem::InternalDate(date) => fetch.date = Some(internal_date(date)),
            MessageDataItem::Rfc822Header(data)
            | MessageDataItem::BodyExt { section: Some(Section::Header(None)), data, .. }
            | MessageDataItem::BodyExt { section: Some(Section::HeaderFields(None, _)), data, .. }
            | MessageDataItem::BodyExt { section: Some(Section::HeaderFieldsNot(None, _)), data, .. } => {
                headers += 1;
                fetch.header = octets(data).map(Box::from);
            }
            MessageDataItem::Rfc822(data)
            | MessageDataItem::Rfc822Text(data)
            | MessageDataItem::BodyExt { section: None | Some(Section::Text(_) | Section::Part(_)), data, .. } => {
                bodies += 1;
                fetch.body = content(octets(data));
            }
            MessageDataItem::Binary { value, .. } => {
                bodies += 1;
                fetch.body = content(match value {
                    NString8::NString(data) => octets(data),
                    NString8::Literal8(data) => Some(&data.data),
                });
            }
            _ => {}
        }
    }
    (bodies <= 1 && headers <= 1).then_some(fetch)
}

fn fetched_flags(list: &[FlagFetch<'_>]) -> Flags {
    flags(list.iter().filter_map(|f| match f {
        FlagFetch::Flag(flag) => Some(flag.to_string()),
        FlagFetch::Recent => None,
    }))
}

fn internal_date(date: &imap_codec::imap_types::datetime::DateTime) -> InternalDate {
    let date = date.as_ref();
    let zone_minutes = i16::try_from(date.offset().local_minus_utc() / 60).unwrap();
    InternalDate { seconds: date.timestamp(), zone_minutes }
}

fn octets<'d>(data: &'d NString<'_>) -> Option<&'d [u8]> {
    data.0.as_ref().map(AsRef::as_ref)
}
