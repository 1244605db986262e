//! The policy set's constant sets, records, addresses, patterns and record shapes.

use core::net::IpAddr;
use core::ops::Range;

use crate::compare::{Compare, compare};
use crate::error::{OpenError, OpenErrorKind};
use crate::extension::IpNetwork;
use crate::format::{Table, WILDCARD};
use crate::ids::{AggregateId, IpId, PatternId, ShapeId, StringId};
use crate::limits;
use crate::reader::{Reader, entries};
use crate::value::Value;

/// Where a set's elements or a record's fields lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aggregate {
    pub(crate) is_record: bool,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Aggregate {
    pub(crate) const fn range(self) -> core::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// The constant values that are more than a word.
pub(crate) struct Aggregates {
    aggregates: Box<[Aggregate]>,
    cells: Box<[Value]>,
    fields: Box<[(StringId, Value)]>,
    addresses: Box<[IpNetwork]>,
}

/// How many strings and entities there are, for checking the ids in values.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) strings: u32,
    pub(crate) entities: u32,
}

impl Aggregates {
    pub(crate) fn open(
        aggregates: &[u8],
        cells: &[u8],
        fields: &[u8],
        addresses: &[u8],
        counts: Counts,
    ) -> Result<Self, OpenError> {
        let opened = Self {
            aggregates: read_aggregates(aggregates)?,
            cells: read_values(cells, Table::Cells)?,
            fields: read_fields(fields)?,
            addresses: read_addresses(addresses)?,
        };
        opened.check(counts)?;
        Ok(opened)
    }

    fn check(&self, counts: Counts) -> Result<(), OpenError> {
        let error = |at, kind| OpenError { section: Table::Aggregates.label(), at, kind };
        let mut depths = Vec::with_capacity(self.aggregates.len());
        let (mut cells, mut fields) = (0, 0);
        for (at, aggregate) in self.aggregates.iter().enumerate() {
            // Aggregates inside this one must have been checked before, so nothing can contain itself.
            let within = |value: &Value| match *value {
                Value::Set(id) | Value::Record(id) => depths.get(id.index()).copied(),
                Value::Bool(_)
                | Value::Long(_)
                | Value::String(_)
                | Value::Entity(_)
                | Value::Decimal(_)
                | Value::Datetime(_)
                | Value::Duration(_)
                | Value::Ip(_) => Some(0),
            };
            let mut depth = 0;
            let mut nest = |value: &Value| {
                let inner: u32 = within(value).ok_or(error(at, OpenErrorKind::DanglingId))?;
                depth = depth.max(inner + 1);
                self.check_value(*value, counts).map_err(|kind| error(at, kind))
            };
            if aggregate.is_record {
                let own = self.fields.get(aggregate.range()).ok_or(error(at, OpenErrorKind::OutOfOrder))?;
                own.iter().try_for_each(|(_, value)| nest(value))?;
                check_keys(own, counts).map_err(|kind| error(at, kind))?;
                fields = aggregate.end;
            } else {
                let own = self.cells.get(aggregate.range()).ok_or(error(at, OpenErrorKind::OutOfOrder))?;
                own.iter().try_for_each(&mut nest)?;
                if !own.is_sorted_by(|a, b| compare(self, *a, *b).is_lt()) {
                    return Err(error(at, OpenErrorKind::OutOfOrder));
                }
                cells = aggregate.end;
            }
            if depth > limits::VALUE_DEPTH {
                return Err(error(at, OpenErrorKind::TooDeep));
            }
            depths.push(depth);
        }
        if cells as usize != self.cells.len() || fields as usize != self.fields.len() {
            return Err(error(self.aggregates.len(), OpenErrorKind::TrailingBytes));
        }
        Ok(())
    }

    /// Checks that what a value names exists.
    pub(crate) fn check_value(&self, value: Value, counts: Counts) -> Result<(), OpenErrorKind> {
        let exists = match value {
            Value::Bool(_) | Value::Long(_) | Value::Decimal(_) | Value::Datetime(_) | Value::Duration(_) => true,
            Value::String(id) => id.get() < counts.strings,
            Value::Entity(id) => id.get() < counts.entities,
            Value::Set(id) => self.get(id).is_some_and(|aggregate| !aggregate.is_record),
            Value::Record(id) => self.is_record(id),
            Value::Ip(id) => id.index() < self.addresses.len(),
        };
        if exists { Ok(()) } else { Err(OpenErrorKind::DanglingId) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the table's count was read from a u32")]
    pub(crate) fn len(&self) -> u32 {
        self.aggregates.len() as u32
    }

    #[expect(clippy::cast_possible_truncation, reason = "the table's count was read from a u32")]
    pub(crate) fn address_count(&self) -> u32 {
        self.addresses.len() as u32
    }

    pub(crate) fn get(&self, id: AggregateId) -> Option<Aggregate> {
        self.aggregates.get(id.index()).copied()
    }

    /// The fields that lie there.
    #[inline]
    pub(crate) fn fields_at(&self, range: &Range<u32>) -> &[(StringId, Value)] {
        self.fields.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    pub(crate) fn is_record(&self, id: AggregateId) -> bool {
        self.get(id).is_some_and(|aggregate| aggregate.is_record)
    }
}

impl Compare for Aggregates {
    fn elements(&self, id: AggregateId) -> &[Value] {
        self.get(id).and_then(|aggregate| self.cells.get(aggregate.range())).unwrap_or_default()
    }

    fn fields(&self, id: AggregateId) -> &[(StringId, Value)] {
        self.get(id).and_then(|aggregate| self.fields.get(aggregate.range())).unwrap_or_default()
    }

    fn address(&self, id: IpId) -> Option<IpNetwork> {
        self.addresses.get(id.index()).copied()
    }
}

fn check_keys(fields: &[(StringId, Value)], counts: Counts) -> Result<(), OpenErrorKind> {
    if !fields.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(OpenErrorKind::OutOfOrder);
    }
    match fields.last() {
        Some((key, _)) if key.get() >= counts.strings => Err(OpenErrorKind::DanglingId),
        Some(_) | None => Ok(()),
    }
}

fn read_aggregates(bytes: &[u8]) -> Result<Box<[Aggregate]>, OpenError> {
    let (mut cells, mut fields) = (0, 0);
    entries::<{ Table::Aggregates.stride() }, _>(bytes, Table::Aggregates, |reader| {
        let is_record = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(reader.error(OpenErrorKind::UnknownCode)),
        };
        let end = reader.u32()?;
        let last = if is_record { &mut fields } else { &mut cells };
        let start = core::mem::replace(last, end);
        if start > end {
            return Err(reader.error(OpenErrorKind::OutOfOrder));
        }
        Ok(Aggregate { is_record, start, end })
    })
}

fn read_value(reader: &mut Reader<'_>) -> Result<Value, OpenError> {
    let (tag, payload) = (reader.u8()?, reader.u64()?);
    Value::decode(tag, payload).ok_or(reader.error(OpenErrorKind::UnknownCode))
}

pub(crate) fn read_values(bytes: &[u8], table: Table) -> Result<Box<[Value]>, OpenError> {
    entries::<{ Table::Cells.stride() }, _>(bytes, table, read_value)
}

fn read_fields(bytes: &[u8]) -> Result<Box<[(StringId, Value)]>, OpenError> {
    entries::<{ Table::Fields.stride() }, _>(bytes, Table::Fields, |reader| {
        Ok((StringId::new(reader.u32()?), read_value(reader)?))
    })
}

fn read_addresses(bytes: &[u8]) -> Result<Box<[IpNetwork]>, OpenError> {
    entries::<{ Table::Addresses.stride() }, _>(bytes, Table::Addresses, |reader| {
        let (family, prefix) = (reader.u8()?, reader.u8()?);
        let address: [u8; 16] = reader.array()?;
        let address = match (family, address) {
            (4, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]) => IpAddr::from([a, b, c, d]),
            (6, octets) => IpAddr::from(octets),
            _ => return Err(reader.error(OpenErrorKind::UnknownCode)),
        };
        IpNetwork::new(address, prefix).ok_or(reader.error(OpenErrorKind::UnknownCode))
    })
}

/// Lists of words behind a table of ends: `like` patterns and the keys of record literals.
pub(crate) struct Lists {
    ends: Box<[u32]>,
    words: Box<[u32]>,
}

impl Lists {
    pub(crate) fn open(ends: Box<[u32]>, words: Box<[u32]>, table: Table) -> Result<Self, OpenError> {
        let error = |at, kind| OpenError { section: table.label(), at, kind };
        if !ends.is_sorted() {
            return Err(error(0, OpenErrorKind::OutOfOrder));
        }
        if ends.last().copied().unwrap_or_default() as usize != words.len() {
            return Err(error(ends.len(), OpenErrorKind::TrailingBytes));
        }
        Ok(Self { ends, words })
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, at: usize) -> Option<&[u32]> {
        let end = *self.ends.get(at)? as usize;
        let start = match at.checked_sub(1) {
            Some(previous) => *self.ends.get(previous)? as usize,
            None => 0,
        };
        self.words.get(start..end)
    }

    pub(crate) fn pattern(&self, id: PatternId) -> Option<&[u32]> {
        self.get(id.index())
    }

    pub(crate) fn shape(&self, id: ShapeId) -> Option<&[u32]> {
        self.get(id.index())
    }

    /// Checks that every element is a character or a wildcard.
    pub(crate) fn check_patterns(&self) -> Result<(), OpenError> {
        let is_element = |word: &u32| *word == WILDCARD || char::from_u32(*word).is_some();
        match self.words.iter().position(|word| !is_element(word)) {
            Some(at) => {
                Err(OpenError { section: Table::PatternElements.label(), at, kind: OpenErrorKind::UnknownCode })
            }
            None => Ok(()),
        }
    }

    /// Checks that every shape's keys are strings, ascending, each once.
    pub(crate) fn check_shapes(&self, strings: u32) -> Result<(), OpenError> {
        let error = |at, kind| OpenError { section: Table::ShapeKeys.label(), at, kind };
        for at in 0..self.len() {
            let keys = self.get(at).ok_or(error(at, OpenErrorKind::OutOfOrder))?;
            if !keys.is_sorted_by(|a, b| a < b) {
                return Err(error(at, OpenErrorKind::OutOfOrder));
            }
            if keys.last().is_some_and(|last| *last >= strings) {
                return Err(error(at, OpenErrorKind::DanglingId));
            }
        }
        Ok(())
    }
}
