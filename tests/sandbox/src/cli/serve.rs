//! `serve`: the region over TCP, with one application to play with.

use std::{collections::BTreeMap, process::ExitCode};

use super::{Serve, complain, failed, in_virtual_time, paint, say, wrong};
use crate::{
    flink::{Behaviour, Code},
    managed_flink::Dashboard,
    pace::{self, Speed},
    region::{Blueprint, Open, Region},
    scenario::Stage,
    server::Server,
    story::{self, Mail},
};

/// Serves until Ctrl-C.
pub(super) fn run(asked: &Serve) -> ExitCode {
    if asked.speed == Speed::Virtual {
        return wrong(
            "a region that is served cannot run in virtual time: nobody could type fast enough; write real or a factor",
        );
    }
    in_virtual_time(serve(asked))
}

async fn serve(asked: &Serve) -> ExitCode {
    let region = match open(asked.seed).await {
        Ok(region) => region,
        Err(error) => return failed(&error),
    };
    let server = match Server::start(asked.port, region.router().clone()).await {
        Ok(server) => server,
        Err(error) => {
            complain(&format!(
                "port {} cannot be used: {error}; name another with --port, or 0 for any free one",
                asked.port
            ));
            return ExitCode::FAILURE;
        }
    };
    region
        .flink()
        .serve_dashboards_at(Dashboard::Loopback(server.endpoint()));
    say(&welcome(&server.endpoint(), &region));
    let (paint, mut told, mut sent) = (paint(), 0, 0);
    let shown = || {
        let entries = region.journal().entries();
        for entry in &entries[told..] {
            say(&format!("{}\n", story::line(entry, region.opened(), paint)));
        }
        told = entries.len();
        let mails = Mail::all(region.journal());
        for mail in &mails[sent..] {
            say(&format!("\n{}\n", mail.told()));
        }
        sent = mails.len();
    };
    tokio::select! {
        () = pace::hold(asked.speed, shown) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    server.stop().await;
    say("\nstopped\n");
    ExitCode::SUCCESS
}

/// The region with `orders` running version 2, and code to deploy.
async fn open(seed: u64) -> Result<Open, crate::region::RegionError> {
    let fault = Behaviour::throws_after(
        5,
        "java.lang.IllegalArgumentException",
        "cannot parse 'abc' as INT",
    );
    let main =
        Behaviour::BadMain { message: "The main method caused an error: java.lang.NoClassDefFoundError: com/example/orders/Enricher".to_owned() };
    let stage = Stage::of(Code::healthy())
        .code("orders-good.jar", Code::healthy())
        .code("orders-bad.jar", Code::that(fault))
        .code("orders-broken.jar", Code::that(main));
    let region = Region::open(Blueprint {
        seed,
        parameters: stage.parameters,
        names: stage.names,
        codebook: stage.codebook,
        settings: stage.settings,
        faults: stage.faults,
        more_variables: BTreeMap::from([("FLINK_REST_LOOPBACK".to_owned(), "true".to_owned())]),
        ..Blueprint::default()
    })?;
    for application in stage.applications {
        region.flink().add_application(application);
    }
    region.keep_alarms().await?;
    Ok(region)
}

fn welcome(endpoint: &str, region: &Region) -> String {
    let machine = region
        .stack()
        .state_machines
        .values()
        .next()
        .map_or("", |machine| machine.arn.as_str());
    format!(
        r#"A region is served at {endpoint}. Ctrl-C ends it. In another terminal:

  export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=operator AWS_SECRET_ACCESS_KEY=sandbox AWS_PAGER=
  aws kinesisanalyticsv2 describe-application --application-name orders
  aws kinesisanalyticsv2 update-application --application-name orders --current-application-version-id 2 \
    --application-configuration-update '{{"ApplicationCodeConfigurationUpdate":{{"CodeContentUpdate":{{"S3ContentLocationUpdate":{{"FileKeyUpdate":"orders-bad.jar"}}}}}}}}'
  aws stepfunctions start-execution --state-machine-arn {machine} --input '{{"applicationName":"orders"}}'
  curl -s {endpoint}/mails

Code to deploy: orders-good.jar runs, orders-bad.jar throws 5 s after each start, orders-broken.jar cannot be started. The application's alarm goes to ALARM after some minutes; the last command shows the mails that people get.

"#
    )
}
