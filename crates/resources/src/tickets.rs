//! The tickets in the table of registrations: who takes part in a draw, who has none yet, whose a ticket is, and the mark that a draw
//! was committed to. Must know nothing of how winners are found.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;
use confctl_draw::{Ticket, Tickets};
use futures_util::TryStreamExt;

use crate::aws::errors::Explain;
use crate::engine::Error;
use crate::load::addresses::{RESERVED_SUFFIX, is_generated};
use crate::registrations::{Registrations, Row};

/// The attribute in which the app keeps a person's ticket.
const TICKET: &str = "ticket";
/// Of the row that remembers a draw: no address, so that nobody can register as it. It goes where the registrations go.
const MARK: &str = "commitment";
const COMMITMENT: &str = "commitment";
/// Tickets given at one time.
const AT_ONCE: usize = 8;

/// Who takes part.
#[derive(Debug)]
pub struct Entrants {
    pub tickets: Tickets,
    /// Registered people who were left out by the organiser's rules.
    pub excluded: usize,
    /// Addresses that confctl made up.
    pub generated: usize,
}

/// Whose a ticket is; `address` is `None` where the registration is no longer there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub ticket: Ticket,
    pub address: Option<String>,
}

impl Registrations<'_> {
    /// Gives a ticket to everybody who has none: those who registered through an app that gives none. How many there were.
    ///
    /// # Errors
    /// Where DynamoDB does not do it.
    pub async fn give_tickets(&self) -> Result<usize, Error> {
        let mut without = Vec::new();
        self.pages(None, |rows, _| {
            let rows = rows.into_iter().filter(|row| !row.contains_key(TICKET));
            without.extend(rows.filter_map(|mut row| match row.remove(self.key()) {
                Some(AttributeValue::S(address)) if !is_generated(&address) => Some(address),
                _ => None,
            }));
            Ok(())
        })
        .await?;
        let given = futures_util::stream::iter(without.iter().map(Ok::<_, Error>));
        given
            .try_for_each_concurrent(AT_ONCE, |address| self.give_ticket(address))
            .await?;
        Ok(without.len())
    }

    async fn give_ticket(&self, address: &str) -> Result<(), Error> {
        let ticket = Ticket::from_random(rand::random());
        let update = self.write.dynamodb.update_item().table_name(self.table());
        let update = update
            .key(self.key(), AttributeValue::S(address.to_owned()))
            .update_expression("SET #ticket = :ticket")
            // Who has one by now keeps it, and who is gone by now stays gone.
            .condition_expression("attribute_exists(#key) AND attribute_not_exists(#ticket)")
            .expression_attribute_names("#key", self.key())
            .expression_attribute_names("#ticket", TICKET)
            .expression_attribute_values(":ticket", AttributeValue::S(ticket.to_string()));
        let doing = format!("give tickets to the registrations in the table {}", self.table());
        update
            .send()
            .await
            .or_absent(&["ConditionalCheckFailedException"], &doing)?;
        Ok(())
    }

    /// Everybody's ticket but those of `is_excluded` addresses.
    ///
    /// # Errors
    /// Where DynamoDB does not say, where a ticket is none of ours, or two people have one.
    pub async fn entrants(&self, is_excluded: impl Fn(&str) -> bool) -> Result<Entrants, Error> {
        let (mut tickets, mut excluded, mut generated, mut unfit) = (Vec::new(), 0, 0, 0_usize);
        self.pages(None, |rows, _| {
            for row in rows {
                match self.address(&row) {
                    Some(address) if is_generated(address) => generated += usize::from(!is_mark(address)),
                    Some(address) if is_excluded(address) => excluded += 1,
                    _ => match ticket(&row) {
                        Some(ticket) => tickets.push(ticket),
                        None => unfit += 1,
                    },
                }
            }
            Ok(())
        })
        .await?;
        if unfit > 0 {
            return Err(Error::refused(format!(
                "{unfit} registrations in the table {} have no ticket that a draw could take",
                self.table()
            ))
            .because(format!("their attribute `{TICKET}` is not 32 hexadecimal digits: another app's, or changed by hand, or somebody registers at this moment"))
            .hint("run the same command again; if it stays so, remove that attribute: each row without one gets a ticket"));
        }
        let tickets = Tickets::new(tickets).map_err(|error| {
            Error::refused(format!(
                "the tickets in the table {} cannot be drawn from",
                self.table()
            ))
            .because(error.to_string())
            .hint("tickets are random: a row was copied by hand; take the attribute off one of the two")
        })?;
        Ok(Entrants {
            tickets,
            excluded,
            generated,
        })
    }

    /// Whose these tickets are, in their order.
    ///
    /// # Errors
    /// Where DynamoDB does not say.
    pub async fn holders(&self, wanted: &[Ticket]) -> Result<Vec<Holder>, Error> {
        let set: HashSet<Ticket> = wanted.iter().copied().collect();
        let mut found = HashMap::new();
        self.pages(None, |rows, _| {
            for row in rows {
                let ticket = ticket(&row).filter(|ticket| set.contains(ticket));
                if let Some((ticket, address)) = ticket.zip(self.address(&row)) {
                    found.insert(ticket, address.to_owned());
                }
            }
            Ok(())
        })
        .await?;
        let holder = |ticket: &Ticket| Holder {
            ticket: *ticket,
            address: found.remove(ticket),
        };
        Ok(wanted.iter().map(holder).collect())
    }

    /// The hash of the commitment that the table remembers.
    ///
    /// # Errors
    /// Where DynamoDB does not say.
    pub async fn mark(&self) -> Result<Option<String>, Error> {
        let get = self.read.dynamodb.get_item().table_name(self.table());
        let got = get.key(self.key(), mark()).consistent_read(true).send().await;
        let item = got.explain("read which draw was committed to")?.item;
        Ok(item.and_then(|mut item| match item.remove(COMMITMENT) {
            Some(AttributeValue::S(hash)) => Some(hash),
            _ => None,
        }))
    }

    /// Lets the table remember a commitment, unless it remembers one already. Which of the two it was, [`Self::mark`] says.
    ///
    /// # Errors
    /// Where DynamoDB does not do it.
    pub async fn set_mark(&self, hash: &str) -> Result<(), Error> {
        let put = self.write.dynamodb.put_item().table_name(self.table());
        let put = put
            .item(self.key(), mark())
            .item(COMMITMENT, AttributeValue::S(hash.to_owned()))
            .condition_expression("attribute_not_exists(#key)")
            .expression_attribute_names("#key", self.key());
        let doing = format!("let the table {} remember the commitment", self.table());
        put.send()
            .await
            .or_absent(&["ConditionalCheckFailedException"], &doing)?;
        Ok(())
    }

    fn address<'r>(&self, row: &'r Row) -> Option<&'r str> {
        row.get(self.key())
            .and_then(|value| value.as_s().ok())
            .map(String::as_str)
    }
}

fn ticket(row: &Row) -> Option<Ticket> {
    row.get(TICKET)?.as_s().ok()?.parse().ok()
}

fn mark() -> AttributeValue {
    AttributeValue::S(format!("{MARK}{RESERVED_SUFFIX}"))
}

fn is_mark(address: &str) -> bool {
    address.strip_suffix(RESERVED_SUFFIX) == Some(MARK)
}
