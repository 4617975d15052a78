//! Objects in S3 that somebody overwrote: what lies at a key then is other code than the key says.
//!
//! The service copies an object when a request names its place, and keeps the copy with the version; going back to a version brings its copy back, and naming the place again the newer object.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::flink::OBJECT;

/// Where a description names the place of its code.
const PLACE: &str = "/ApplicationCodeConfigurationDescription/CodeContentDescription/S3ApplicationCodeLocationDescription";

/// The code that lies at each key that was overwritten.
#[derive(Default)]
pub(super) struct Objects(BTreeMap<String, String>);

impl Objects {
    /// From now on this code lies at this key.
    pub(super) fn overwrite(&mut self, key: &str, code: &str) {
        self.0.insert(key.to_owned(), code.to_owned());
    }

    /// A request named the place: its object is copied. An object version names one that nobody can overwrite.
    pub(super) fn copy_into(&self, configuration: &mut Value) {
        let Some(place) = place(configuration).filter(|place| !place.contains_key("ObjectVersion"))
        else {
            return;
        };
        let key = place["FileKey"].as_str().unwrap_or_default();
        if let Some(code) = self.0.get(key) {
            place.insert(OBJECT.to_owned(), code.as_str().into());
        }
    }
}

/// Takes out what no answer shows.
pub(super) fn hide(configuration: &mut Value) {
    if let Some(place) = place(configuration) {
        place.shift_remove(OBJECT);
    }
}

/// Whether another object was copied than the key names.
pub(super) fn is_overwritten(configuration: &Value) -> bool {
    configuration
        .pointer(PLACE)
        .is_some_and(|place| !place[OBJECT].is_null())
}

fn place(configuration: &mut Value) -> Option<&mut Map<String, Value>> {
    configuration.pointer_mut(PLACE)?.as_object_mut()
}
