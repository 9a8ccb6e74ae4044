use super::*;

#[test]
fn a_setting_names_a_path() {
    for (location, path) in [
        ("sqlite:state.db", "state.db"),
        ("sqlite:/var/lib/x/state.db", "/var/lib/x/state.db"),
        ("sqlite:///var/lib/x/state.db", "/var/lib/x/state.db"),
        ("/var/lib/x/state.db", "/var/lib/x/state.db"),
        ("./with:colon.db", "./with:colon.db"),
    ] {
        assert_eq!(path_of(location).unwrap(), PathBuf::from(path), "{location}");
    }
    for location in ["", "sqlite:", "sqlite::memory:", "postgres://db/x", "mysql://db"] {
        assert!(matches!(path_of(location), Err(StoreError::Location(_))), "{location}");
    }
}

#[test]
fn a_file_that_may_not_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    create(&path).unwrap();
    let mut connection = connect(&path).unwrap();
    migrate(&path, &mut connection).unwrap();
    let reading = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    assert_eq!(set_up(&path, &reading), Err(StoreError::ReadOnly));
}

#[test]
fn every_connection_is_durable_and_checks_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    create(&path).unwrap();
    let connection = connect(&path).unwrap();
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("synchronous"), 2, "FULL");
    assert_eq!(pragma("foreign_keys"), 1);
}

#[test]
fn the_migrations_are_well_formed() {
    Migrations::from_slice(MIGRATIONS).validate().unwrap();
}
