use serde::{Deserialize, Serialize};

use crate::{AccountId, AccountPolicy, Retention, Timestamp};

/// What a data directory is as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Identifies it in receipts, audit logs and archives.
    pub id: AccountId,
    /// When it was closed, if it is: then its projects are hidden, and due when its policy says so.
    pub closed: Option<Timestamp>,
    /// How long it keeps what belongs to no project, closed accounts and deleted projects among it.
    pub retention: Retention<AccountPolicy>,
}
