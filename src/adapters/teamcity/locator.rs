//! What is asked for: the finished builds of the two hours before a moment, by TeamCity's locator and `fields` expressions.
//! Nothing of the cluster stands in them, only times and a setting.

use jiff::{SignedDuration, Timestamp};

/// How far back deploys are asked for.
const BEFORE: SignedDuration = SignedDuration::from_hours(2);
/// The most builds that are asked for at once.
pub const COUNT: usize = 100;
/// The project that holds all others (TeamCity: "Root project").
const ROOT: &str = "_Root";

/// The part of a build that both ways of asking need. Its parameters are asked for only where a setting names one.
pub fn fields(parameters: bool) -> String {
    let parameters = if parameters { ",properties(property(name,value))" } else { "" };
    format!(
        "count,nextHref,build(id,buildTypeId,number,status,personal,startDate,finishDate,webUrl,\
         triggered(type,displayText,user(username,name)),revisions(revision(version)),\
         changes(change(version,username,date,comment)){parameters})"
    )
}

/// The locator of the builds that ended after two hours before `at`. The default filter would leave out failed-to-start ones,
/// so that a deploy that broke would look like none.
///
/// # Errors
/// When the project's id isn't one.
pub fn locator(project: Option<&str>, at: Timestamp) -> Result<String, String> {
    let project = project.unwrap_or(ROOT);
    // TeamCity: an id consists of Latin letters, digits and underscores and begins with a letter (`_Root` is the exception).
    let is_id = !project.is_empty() && project.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    if !is_id {
        return Err(format!("teamcity.project is no id of a project: {project:?}"));
    }
    let since = at.checked_sub(BEFORE).unwrap_or(Timestamp::MIN);
    let since = since.strftime("%Y%m%dT%H%M%S+0000");
    Ok(format!(
        "defaultFilter:false,state:finished,canceled:false,affectedProject:(id:{project}),branch:(default:any),\
         finishDate:(date:{since},condition:after)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locator_names_the_time_in_utc() {
        let at: Timestamp = "2026-01-02T09:05:54+02:00".parse().unwrap();
        assert_eq!(
            locator(None, at).unwrap(),
            "defaultFilter:false,state:finished,canceled:false,affectedProject:(id:_Root),branch:(default:any),\
             finishDate:(date:20260102T050554+0000,condition:after)"
        );
        assert!(locator(Some("Shop_Backend"), at).unwrap().contains("affectedProject:(id:Shop_Backend),"));
        for project in ["", "a),status:(x", "a b", "a,b", "Größe"] {
            assert!(locator(Some(project), at).is_err(), "{project}");
        }
    }

    #[test]
    fn parameters_are_asked_for_where_one_is_named() {
        assert!(!fields(false).contains("properties"));
        let with = fields(true);
        assert!(with.ends_with("property(name,value)))") && with.matches('(').count() == with.matches(')').count());
    }
}
