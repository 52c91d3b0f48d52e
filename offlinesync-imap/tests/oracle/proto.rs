//! imap-proto. It panics on some input; that is no opinion.

use super::*;
use imap_proto as theirs;
use imap_proto::rfc4315::UidSetMember;
use imap_proto::{AttributeValue, MailboxDatum, MessageSection, ResponseCode, SectionPath};
use offlinesync_imap::codec::date;

/// `Err` if it does not accept the line, or panics.
pub(crate) fn parse(line: &[u8]) -> Result<Meaning, ()> {
    let parsed = std::panic::catch_unwind(|| match theirs::Response::parse(line) {
        Ok(([], response)) => Ok(meaning(&response)),
        _ => Err(()),
    });
    parsed.unwrap_or(Err(()))
}

fn meaning(response: &theirs::Response<'_>) -> Meaning {
    use theirs::Response as Their;
    Some(match response {
        Their::Capabilities(list) => Response::Data(Data::Capability(list.iter().map(capability).collect())),
        Their::Continue(_) => Response::Continue(Box::default()),
        Their::Done { tag, status, outcome } => {
            Response::Tagged(Tagged { tag: tag.0.as_str().into(), status: of_status(status, outcome) })
        }
        Their::Data { status, outcome } => Response::Status(of_status(status, outcome)),
        Their::Expunge(n) => Response::Data(Data::Expunge(*n)),
        Their::Vanished { earlier, uids } => {
            let uids = uids.iter().map(|r| range(*r.start(), *r.end())).collect::<Option<_>>()?;
            Response::Data(Data::Vanished { earlier: *earlier, uids })
        }
        Their::Fetch(seq, attributes) => Response::Data(Data::Fetch(fetch(*seq, attributes)?)),
        Their::MailboxData(data) => Response::Data(of_data(data)?),
        _ => return None,
    })
}

fn capability(capability: &theirs::Capability<'_>) -> Box<str> {
    match capability {
        theirs::Capability::Imap4rev1 => "IMAP4REV1".into(),
        theirs::Capability::Auth(name) => format!("AUTH={name}").to_ascii_uppercase().into(),
        theirs::Capability::Atom(name) => name.to_ascii_uppercase().into(),
    }
}

fn of_status(condition: &theirs::Status, outcome: &theirs::Outcome<'_>) -> StatusResponse {
    let condition = match condition {
        theirs::Status::Ok => Condition::Ok,
        theirs::Status::No => Condition::No,
        theirs::Status::Bad => Condition::Bad,
        theirs::Status::PreAuth => Condition::Preauth,
        theirs::Status::Bye => Condition::Bye,
    };
    status(condition, outcome.code.as_ref().and_then(code), outcome.information.as_deref().unwrap_or_default())
}

fn code(code: &ResponseCode<'_>) -> Option<Code> {
    Some(match code {
        ResponseCode::Alert => Code::Alert,
        ResponseCode::Capabilities(list) => Code::Capability(list.iter().map(capability).collect()),
        ResponseCode::HighestModSeq(n) => Code::HighestModSeq(*n),
        ResponseCode::PermanentFlags(list) => {
            Code::PermanentFlags { flags: flags(list), any_keyword: list.iter().any(|f| f == "\\*") }
        }
        ResponseCode::ReadOnly => Code::ReadOnly,
        ResponseCode::ReadWrite => Code::ReadWrite,
        ResponseCode::TryCreate => Code::TryCreate,
        ResponseCode::UidNext(n) => Code::UidNext(*n),
        ResponseCode::UidValidity(n) => Code::UidValidity(*n),
        ResponseCode::AppendUid(uid_validity, set) => Code::AppendUid { uid_validity: *uid_validity, uids: uids(set)? },
        ResponseCode::CopyUid(uid_validity, from, to) => {
            Code::CopyUid { uid_validity: *uid_validity, from: uids(from)?, to: uids(to)? }
        }
        ResponseCode::UidNotSticky => Code::UidNotSticky,
        _ => unknown()?,
    })
}

fn uids(set: &[UidSetMember]) -> Option<Vec<(Uid, Uid)>> {
    let one = |member: &UidSetMember| match member {
        UidSetMember::UidRange(r) => range(*r.start(), *r.end()),
        UidSetMember::Uid(n) => range(*n, *n),
    };
    set.iter().map(one).collect()
}

fn of_data(data: &MailboxDatum<'_>) -> Option<Data> {
    Some(match data {
        MailboxDatum::Exists(n) => Data::Exists(*n),
        MailboxDatum::Recent(n) => Data::Recent(*n),
        MailboxDatum::Flags(list) => Data::Flags(flags(list)),
        MailboxDatum::Search(numbers) => Data::Search { numbers: numbers.clone(), mod_seq: None },
        MailboxDatum::List(list) => Data::List(ListEntry {
            attributes: list.name_attributes.iter().map(attribute).collect(),
            separator: list.delimiter.as_deref().and_then(|d| d.chars().next()),
            name: list.name.as_bytes().into(),
        }),
        MailboxDatum::Status { mailbox, status } => Data::Status(mailbox_status(mailbox, status)),
        _ => return None,
    })
}

fn attribute(attribute: &theirs::NameAttribute<'_>) -> Box<str> {
    match attribute {
        theirs::NameAttribute::Extension(name) => (**name).into(),
        known => format!("\\{known:?}").into(),
    }
}

fn mailbox_status(mailbox: &str, items: &[theirs::StatusAttribute]) -> MailboxStatus {
    let mut status = MailboxStatus { name: mailbox.as_bytes().into(), ..MailboxStatus::default() };
    for item in items {
        match item {
            theirs::StatusAttribute::HighestModSeq(n) => status.highest_mod_seq = Some(*n),
            theirs::StatusAttribute::Messages(n) => status.messages = Some((*n).into()),
            theirs::StatusAttribute::UidNext(n) => status.uid_next = Some(*n),
            theirs::StatusAttribute::UidValidity(n) => status.uid_validity = Some(*n),
            theirs::StatusAttribute::Unseen(n) => status.unseen = Some((*n).into()),
            _ => {}
        }
    }
    status
}

fn fetch(seq: u32, attributes: &[AttributeValue<'_>]) -> Option<Fetch> {
    let mut fetch = Fetch { seq, ..Fetch::default() };
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(n) => fetch.uid = Uid::new(*n),
            AttributeValue::Flags(list) => fetch.flags = Some(flags(list)),
            AttributeValue::ModSeq(n) => fetch.mod_seq = (*n != 0).then_some(*n),
            AttributeValue::Rfc822Size(n) => fetch.size = Some((*n).into()),
            AttributeValue::InternalDate(text) => fetch.date = date::parse(text.as_bytes()),
            AttributeValue::BodySection { section, data, .. } => match section {
                Some(SectionPath::Full(MessageSection::Header)) => fetch.header = data.as_deref().map(Box::from),
                Some(SectionPath::Part(_, Some(MessageSection::Mime | MessageSection::Header))) => {}
                _ => fetch.body = content(data.as_deref()),
            },
            AttributeValue::Rfc822(data) | AttributeValue::Rfc822Text(data) => fetch.body = content(data.as_deref()),
            AttributeValue::Rfc822Header(data) => fetch.header = data.as_deref().map(Box::from),
            AttributeValue::EmailId(id) => fetch.email_id = Some((**id).into()),
            AttributeValue::GmailMsgId(id) => fetch.email_id = Some(id.to_string().into()),
            AttributeValue::GmailLabels(labels) => {
                fetch.labels = Some(labels.iter().map(|l| l.as_bytes().into()).collect());
            }
            _ => {}
        }
    }
    Some(fetch)
}
