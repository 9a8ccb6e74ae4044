//! Deploys from TeamCity.
mod builds; mod locator; mod mapping;
