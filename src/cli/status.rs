use std::time::Duration;

use super::arguments::{Called, Common, Data, StatusArguments};
use super::exit::{Exit, Failure};
use super::option_values::PageFile;
use super::outsider::Outsider;
use super::page_file::{Beside, made, require_place, write};
use super::seen::Seen;
use super::session::Session;
use super::watch::watch;
use crate::report::status_page;

/// `rabbitup status`.
pub async fn run(common: &Common, arguments: &StatusArguments) -> Result<Exit, Failure> {
    let page = arguments.html.as_ref();
    require_place(page, Beside { printed: common.json.then_some("--json"), ..Beside::default() })?;
    let session = Session::open(common, &Called::default(), &Data::default())?;
    let Some(seconds) = arguments.watch else {
        let seen = Seen::now(&session, common, &mut Outsider::default()).await;
        session.close(common).await;
        let status = seen.status(&session);
        if let Some(page) = page {
            write(page, &status_page(&status, &made(common)))?;
        }
        if page != Some(&PageFile::Stdout) {
            seen.show(&status, common);
        }
        return Ok(seen.exit());
    };
    let end = watch(&session, common, Duration::from_secs(seconds)).await;
    session.close(common).await;
    end
}
