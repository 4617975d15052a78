//! The simulated clusters behind the scenes: what scenarios do to them.

use jiff::Timestamp;

use super::SimulatedFlink;
use crate::flink::data_plane::{Backstage, Launch, NotPlaced, PastFault};
use crate::flink::{ClusterEvent, Code, Ran, Record, Records, Stream};

impl Backstage for SimulatedFlink {
    fn add_code(&self, key: &str, code: Code) {
        Self::add_code(self, key, code);
    }

    fn open_stream(&self, application: &str, stream: Stream) {
        Self::open_stream(self, application, stream);
    }

    fn place_savepoint(
        &self,
        application: &str,
        snapshot: &str,
        taken: Timestamp,
        identity: &[String],
    ) -> String {
        Self::place_savepoint(self, application, snapshot, taken, identity)
    }

    fn place_job(
        &self,
        launch: &Launch,
        launched: Timestamp,
        faults: &[PastFault],
    ) -> Result<(), NotPlaced> {
        Self::place_job(self, launch, launched, faults);
        Ok(())
    }

    fn set_dependency(&self, name: &str, up: bool) {
        Self::set_dependency(self, name, up);
    }

    fn befall(&self, application: &str, event: &ClusterEvent) {
        Self::befall(self, application, event);
    }

    fn records(&self, application: &str) -> Records {
        Self::records(self, application)
    }

    fn record(&self, application: &str) -> Record {
        Self::record(self, application)
    }

    fn remember(&self, application: &str, ran: Vec<Ran>) {
        Self::remember(self, application, ran);
    }

    fn up_since(&self, application: &str) -> Option<Timestamp> {
        Self::up_since(self, application)
    }

    fn shown_up_since(&self, application: &str) -> Option<Timestamp> {
        Self::shown_up_since(self, application)
    }
}
