//! Which hosts serve a domain's accounts (RFC 6120, 3.2; XEP-0368): SRV records, read and put in
//! order. Pure.
//!
//! Rejected: `hickory-resolver` and `domain`, which bring seventy crates and a cache for one kind
//! of question. What a packet is made of is `simple-dns`'s business, which brings itself.

use super::config::Security;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, Question, RCODE, TYPE};

/// How many hosts of one answer are tried.
const HOSTS_MAX: usize = 8;

/// A host, and the protection it expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
}

/// What a domain says about a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Service {
    /// Nothing: the service is at the domain itself.
    Unknown,
    /// The service is at one of these hosts.
    At(Vec<Record>),
    /// The domain has no such service.
    Absent,
}

/// One SRV record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    priority: u16,
    weight: u16,
    pub(super) port: u16,
    pub(super) host: String,
}

/// The name under which a domain's service is found; `None` if the domain has none (a number, or
/// not ASCII).
pub(super) fn name(domain: &str, security: Security) -> Option<String> {
    let is_name =
        domain.is_ascii() && !domain.contains(':') && domain.parse::<std::net::Ipv4Addr>().is_err();
    let service = if security == Security::DirectTls {
        "_xmpps-client"
    } else {
        "_xmpp-client"
    };
    is_name.then(|| format!("{service}._tcp.{domain}"))
}

/// Returns the query for a name.
pub(super) fn question(id: u16, name: &str) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).ok()?;
    packet.questions.push(Question::new(
        name,
        TYPE::SRV.into(),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    packet.build_bytes_vec().ok()
}

/// The result of reading an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It does not belong to this query, or is not readable.
    NotOurs,
    /// It is longer than a datagram: ask again over TCP.
    Truncated,
    /// The resolver has no answer.
    Failed,
    Is(Service),
}

/// Reads the answer to a query.
pub(super) fn answer(bytes: &[u8], id: u16, name: &str) -> Answer {
    let Ok(packet) = Packet::parse(bytes) else {
        return Answer::NotOurs;
    };
    let is_asked = |question: &Question<'_>| question.qname.to_string().eq_ignore_ascii_case(name);
    if packet.id() != id
        || !packet.has_flags(PacketFlag::RESPONSE)
        || !packet.questions.iter().all(is_asked)
    {
        return Answer::NotOurs;
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Answer::Truncated;
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Answer::Is(Service::Unknown),
        _ => return Answer::Failed,
    }
    let records = packet
        .answers
        .iter()
        .filter_map(|record| match &record.rdata {
            RData::SRV(srv) => {
                let host = srv.target.to_string();
                Some(Record {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    host,
                })
            }
            _ => None,
        });
    let records: Vec<Record> = records.collect();
    Answer::Is(match &records[..] {
        [] => Service::Unknown,
        [only] if only.host.is_empty() => Service::Absent,
        _ => Service::At(
            records
                .into_iter()
                .filter(|record| is_host(&record.host))
                .take(HOSTS_MAX)
                .collect(),
        ),
    })
}

fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

/// Puts records in the order in which they are tried (RFC 2782): by priority, and by chance, as
/// they weigh, within one. `random` returns a number from 0 to its argument, inclusive.
pub(super) fn ordered(mut records: Vec<Record>, mut random: impl FnMut(u32) -> u32) -> Vec<Record> {
    records.sort_by_key(|record| (record.priority, record.weight));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let of_first = records
            .iter()
            .take_while(|record| record.priority == first.priority)
            .count();
        let total: u32 = records[..of_first]
            .iter()
            .map(|record| u32::from(record.weight))
            .sum();
        let (wanted, mut sum) = (random(total), 0);
        let chosen = records[..of_first].iter().position(|record| {
            sum += u32::from(record.weight);
            sum >= wanted
        });
        ordered.push(records.remove(chosen.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::ResourceRecord;
    use simple_dns::rdata::SRV;

    const NAME: &str = "_xmpp-client._tcp.example.org";

    fn record(priority: u16, weight: u16, host: &str) -> Record {
        Record {
            priority,
            weight,
            port: 5222,
            host: host.into(),
        }
    }

    fn packet(hosts: &[&'static str]) -> Packet<'static> {
        let question = question(7, NAME).expect("a name");
        let mut packet = Packet::parse(&question).expect("ours").into_reply();
        packet.questions = vec![Question::new(
            Name::new_unchecked(NAME),
            TYPE::SRV.into(),
            CLASS::IN.into(),
            false,
        )];
        for host in hosts {
            let srv = SRV {
                priority: 1,
                weight: 2,
                port: 5222,
                target: Name::new_unchecked(host),
            };
            packet.answers.push(ResourceRecord::new(
                Name::new_unchecked(NAME),
                CLASS::IN,
                10,
                RData::SRV(srv),
            ));
        }
        let bytes = packet.build_bytes_vec().expect("it fits");
        drop(packet);
        Packet::parse(Vec::leak(bytes)).expect("ours")
    }

    #[test]
    fn an_answer_is_read_if_it_is_ours() {
        let bytes = packet(&["a.example.org", "b.example.org"])
            .build_bytes_vec()
            .expect("it fits");
        let Answer::Is(Service::At(records)) = answer(&bytes, 7, "_XMPP-client._tcp.Example.org")
        else {
            panic!("{bytes:?}")
        };
        assert_eq!(
            records,
            [record(1, 2, "a.example.org"), record(1, 2, "b.example.org")]
        );
        assert_eq!(answer(&bytes, 8, NAME), Answer::NotOurs);
        assert_eq!(
            answer(&bytes, 7, "_xmpp-client._tcp.example.com"),
            Answer::NotOurs
        );
        assert_eq!(answer(&bytes[..20], 7, NAME), Answer::NotOurs);
        assert_eq!(
            answer(&question(7, NAME).expect("a name"), 7, NAME),
            Answer::NotOurs,
            "a question"
        );
        let mut cut = packet(&[]);
        cut.set_flags(PacketFlag::TRUNCATION);
        assert_eq!(
            answer(&cut.build_bytes_vec().expect("it fits"), 7, NAME),
            Answer::Truncated
        );
        let of = |hosts: &[&'static str]| {
            answer(&packet(hosts).build_bytes_vec().expect("it fits"), 7, NAME)
        };
        assert_eq!(of(&[]), Answer::Is(Service::Unknown));
        assert_eq!(of(&[""]), Answer::Is(Service::Absent));
    }

    #[test]
    fn records_are_tried_by_priority_and_then_as_they_weigh() {
        let records = vec![
            record(20, 0, "last"),
            record(10, 90, "often"),
            record(10, 10, "seldom"),
            record(10, 0, "hardly"),
        ];
        let hosts = |random: fn(u32) -> u32| -> Vec<String> {
            ordered(records.clone(), random)
                .into_iter()
                .map(|record| record.host)
                .collect()
        };
        assert_eq!(hosts(|_| 0), ["hardly", "seldom", "often", "last"]);
        assert_eq!(hosts(|most| most), ["often", "seldom", "hardly", "last"]);
        assert_eq!(
            hosts(|most| most / 2),
            ["often", "seldom", "hardly", "last"]
        );
        assert!(ordered(Vec::new(), |_| 0).is_empty());
    }

    #[test]
    fn not_every_domain_is_asked_after() {
        assert_eq!(
            name("example.org", Security::StartTls).as_deref(),
            Some(NAME)
        );
        assert_eq!(
            name("example.org", Security::DirectTls).as_deref(),
            Some("_xmpps-client._tcp.example.org")
        );
        for domain in ["192.0.2.1", "[::1]", "münchen.example"] {
            assert_eq!(name(domain, Security::StartTls), None, "{domain}");
        }
    }
}
