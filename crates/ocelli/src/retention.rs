//! What is due, and erasing it.

use ocelli_core::{Erased, ProjectId, Timestamp};
use ocelli_retention::{Plan, SweepOptions, Swept, Why};

use crate::{Error, Ocelli};

impl Ocelli {
    /// Says what is due at this moment, and why: everything that a sweep would erase. It changes nothing. What is due in a
    /// project whose key is missing is not in it; the plan names the project ([`Plan::locked`]).
    pub fn plan(&self, now: Timestamp) -> Result<Plan, Error> {
        self.plan_at_most(now, usize::MAX)
    }

    /// Says what is due at this moment, at most so many items.
    pub fn plan_at_most(&self, now: Timestamp, items: usize) -> Result<Plan, Error> {
        Ok(ocelli_retention::plan(&*self.shared.store, now, items)?)
    }

    /// Erases what a plan lists, in steps, each of which looks again at every item in its own transaction: what is not due
    /// by the clock, or is held by now, stays. It can be killed at any step; what is still due then is in the next plan.
    ///
    /// # Errors
    ///
    /// If the plan is for another account, or the store fails. What was erased until then stays erased.
    pub fn execute(&self, plan: &Plan, options: impl Into<SweepOptions>) -> Result<Swept, Error> {
        let (store, now) = (&*self.shared.store, || self.shared.now());
        let swept = ocelli_retention::execute(store, plan, &options.into(), &now);
        self.shared.forget_erased_networks();
        Ok(swept?)
    }

    /// Erases what is due at this moment, or by the clock if that is behind: plans and executes in rounds until nothing is
    /// due or the budget is used up, and replaces due entries of the audit log by a signed checkpoint. It goes on with what
    /// an earlier sweep, killed or at the end of its budget, has left.
    ///
    /// What it could not do it says: projects that it could not look into ([`Swept::locked`]), and due entries of the audit
    /// log that stay for want of keys ([`Swept::audit_needs_keys`]) or for another reason ([`Swept::audit_failure`]).
    ///
    /// ```
    /// use ocelli::{Budget, OpenOptions, Timestamp};
    ///
    /// # fn main() -> Result<(), ocelli::Error> {
    /// let ocelli = OpenOptions::new().in_memory()?;
    /// let now = std::time::SystemTime::now().into();
    /// let swept = ocelli.sweep(now, Budget::default())?;
    /// println!("{} erased, more: {}", swept.erased, swept.more);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the store fails. What was erased until then stays erased.
    pub fn sweep(&self, now: Timestamp, options: impl Into<SweepOptions>) -> Result<Swept, Error> {
        let (store, keys, clock) = (&*self.shared.store, self.shared.keys(), || self.shared.now());
        let swept = ocelli_retention::sweep(store, keys, now.min(clock()), &options.into(), &clock);
        self.shared.forget_erased_networks();
        Ok(swept?)
    }

    /// Says why something is still here: the rules for it, the event that each counts from, when it is due, and the holds
    /// that keep it.
    ///
    /// # Errors
    ///
    /// If it is not there any more, or is a tag or a region, which no rule is for.
    pub fn why(&self, project: ProjectId, item: Erased) -> Result<Why, Error> {
        Ok(ocelli_retention::why(&*self.shared.store, project, item)?)
    }
}
