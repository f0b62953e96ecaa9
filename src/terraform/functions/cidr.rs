//! Address arithmetic. <https://developer.hashicorp.com/terraform/language/functions/cidrsubnet>

use super::arguments::{Answer, Call, Stop, fail};
use crate::partial::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "cidrhost" => host(c),
        "cidrnetmask" => netmask(c),
        "cidrsubnet" => subnet(c),
        "cidrsubnets" => subnets(c),
        _ => return None,
    })
}

/// A network: its first address, the length of its prefix, the length of an address.
#[derive(Clone, Copy)]
struct Network {
    base: u128,
    prefix: u32,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Result<Self, Stop> {
        let parts = text.split_once('/').and_then(|(a, p)| Some((a.parse::<IpAddr>().ok()?, p.parse::<u32>().ok()?)));
        let (address, bits, prefix) = match parts {
            Some((IpAddr::V4(a), p)) if p <= 32 => (u128::from(u32::from(a)), 32, p),
            Some((IpAddr::V6(a), p)) if p <= 128 => (u128::from(a), 128, p),
            _ => return fail(format!("invalid CIDR expression `{text}`")),
        };
        let mut network = Network { base: 0, prefix, bits };
        network.base = address & !(network.size_minus_one());
        Ok(network)
    }

    fn size_minus_one(self) -> u128 {
        match self.bits - self.prefix {
            0 => 0,
            128 => u128::MAX,
            n => (1u128 << n) - 1,
        }
    }

    fn address(self, value: u128) -> String {
        if self.bits == 32 {
            Ipv4Addr::from(u32::try_from(value & u128::from(u32::MAX)).unwrap_or(0)).to_string()
        } else {
            Ipv6Addr::from(value).to_string()
        }
    }

    fn narrowed(self, more: i128, number: u128) -> Result<Self, Stop> {
        let room = u32::try_from(more).ok().filter(|m| *m > 0 && self.prefix.saturating_add(*m) <= self.bits);
        let Some(more) = room else { return fail(format!("not enough remaining address space for a subnet with {more} more bits")) };
        if more < 128 && number >> more != 0 {
            return fail(format!("{more} more bits are not enough for network number {number}"));
        }
        let prefix = self.prefix + more;
        let shift = self.bits - prefix;
        let offset = if shift >= 128 { 0 } else { number << shift };
        Ok(Network { base: self.base | offset, prefix, bits: self.bits })
    }
}

fn host(c: &Call<'_>) -> Result<Value, Stop> {
    let network = Network::parse(&c.string(0)?)?;
    let number = c.integer(1)?;
    let magnitude = number.unsigned_abs();
    let most = network.size_minus_one();
    if (number >= 0 && magnitude > most) || (number < 0 && magnitude - 1 > most) {
        return fail(format!("the prefix does not hold a host numbered {number}"));
    }
    let offset = if number < 0 { most - (magnitude - 1) } else { magnitude };
    c.string_value(network.address(network.base | offset))
}

fn netmask(c: &Call<'_>) -> Result<Value, Stop> {
    let network = Network::parse(&c.string(0)?)?;
    if network.bits != 32 {
        return fail("only IPv4 networks have a netmask");
    }
    c.string_value(network.address(!network.size_minus_one()))
}

fn subnet(c: &Call<'_>) -> Result<Value, Stop> {
    let network = Network::parse(&c.string(0)?)?;
    let Ok(number) = u128::try_from(c.integer(2)?) else { return fail("the network number must not be negative") };
    let more = c.integer(1)?;
    let result = if more == 0 && number == 0 { network } else { network.narrowed(more, number)? };
    c.string_value(format!("{}/{}", result.address(result.base), result.prefix))
}

fn subnets(c: &Call<'_>) -> Result<Value, Stop> {
    let network = Network::parse(&c.string(0)?)?;
    let mut items = Vec::new();
    let mut next = network.base;
    for i in 1..c.args.len() {
        let size = network.narrowed(c.integer(i)?, 0)?;
        let step = size.size_minus_one();
        // Each begins at the next multiple of its own size.
        let base = match next.checked_add(step) {
            Some(sum) => sum & !step,
            None => return fail("not enough remaining address space"),
        };
        if base < network.base || base - network.base > network.size_minus_one() {
            return fail("not enough remaining address space");
        }
        items.push(c.string_value(format!("{}/{}", network.address(base), size.prefix))?);
        next = base.saturating_add(step).saturating_add(1);
    }
    c.list_value(items, false)
}
