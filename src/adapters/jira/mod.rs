//! Tickets from Jira Cloud.
mod answer;
mod jql;
