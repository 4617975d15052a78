//! Customer managed keys: who may use which. A caller who may not is refused what needs the key; what runs already goes on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::answer::ApiError;
use super::application::Version;
use super::enhanced::Named;
use super::{Inner, ManagedFlink, State};

/// Who may use a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyUsers {
    /// Whoever calls.
    Everybody,
    /// The callers that its policy names.
    Only(BTreeSet<String>),
    /// Nobody: it is disabled.
    Nobody,
}

/// By the key's id, as configurations name it; one that is not here is everybody's.
pub(super) type Keys = BTreeMap<String, KeyUsers>;

impl ManagedFlink {
    /// Says who may use a key from now on.
    pub fn set_key(&self, key: &str, users: KeyUsers) {
        self.inner.lock().keys.insert(key.to_owned(), users);
    }
}

impl Inner {
    /// Refuses a caller who may not use a key that the verb needs.
    pub(super) fn check_keys(
        &self,
        verb: &str,
        input: &Value,
        caller: &str,
    ) -> Result<(), ApiError> {
        let state = self.lock();
        if state.keys.is_empty() {
            return Ok(());
        }
        let account = &self.settings.account;
        for key in state.keys_of(verb, input) {
            match state.keys.get(&key) {
                Some(KeyUsers::Nobody) => {
                    return Err(ApiError::invalid_argument(format!(
                        "kms:DisabledException: {key} is disabled"
                    )));
                }
                Some(KeyUsers::Only(users)) if !users.contains(caller) => {
                    return Err(ApiError::invalid_argument(format!(
                        "User: arn:aws:sts::{account}:assumed-role/{caller} is not authorized to perform: kms:CreateGrant on resource: {key} because no resource-based policy allows the kms:CreateGrant action"
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl State {
    /// The keys that a verb uses: the application's now, those that it goes over to, and that of the snapshot it names.
    fn keys_of(&self, verb: &str, input: &Value) -> Vec<String> {
        let name = input["ApplicationName"].as_str().unwrap_or_default();
        let Some(application) = self.applications.get(name) else {
            return Vec::new();
        };
        let present = application.version();
        let mut keys: Vec<Option<String>> = Vec::new();
        let (more, run) = match verb {
            "StartApplication" => (None, &input["RunConfiguration"]),
            "UpdateApplication" => {
                let update = &input["ApplicationConfigurationUpdate"]["ApplicationEncryptionConfigurationUpdate"];
                keys.push(update["KeyIdUpdate"].as_str().map(str::to_owned));
                (None, &input["RunConfigurationUpdate"])
            }
            "RollbackApplication" => (present.updated_from, &Value::Null),
            "StopApplication" if input["Force"] == true => return Vec::new(),
            "StopApplication" | "CreateApplicationSnapshot" | "CreateSnapshot" => {
                (None, &Value::Null)
            }
            _ => return Vec::new(),
        };
        keys.push(present.key_id());
        let former = more.and_then(|version| application.versions.get(&version));
        keys.push(former.and_then(Version::key_id));
        let named = Named::of(&run["ApplicationRestoreConfiguration"]);
        let snapshot = named.and_then(|named| self.snapshot(application, &named));
        keys.push(snapshot.and_then(|one| key_id(&one.key)));
        keys.into_iter().flatten().collect()
    }
}

impl Version {
    /// The customer's key that it is encrypted with.
    fn key_id(&self) -> Option<String> {
        key_id(&self.key())
    }
}

fn key_id(key: &Value) -> Option<String> {
    key["KeyId"].as_str().map(str::to_owned)
}
