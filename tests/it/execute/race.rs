//! Many people approve at once, from several processes' stores: one of them writes.

use super::{Allows, Home, connect, executor, intent, memory, open, options, workload};
use crate::kubernetes::envtest::Cluster;
use futures::future::join_all;
use sre_copilot::domain::{Action, AttemptState};
use sre_copilot::pipeline::execute::{ApproveError, Unheard};
use sre_copilot::ports::{AdvanceError, AttemptStore};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixty_four_approvals_at_once_one_writes() {
    let Some(cluster) = Cluster::start("race").await else { return };
    let (home, writer) = (Home::new(), connect(options(&cluster.admin())).await);
    cluster.create("/apis/apps/v1/deployments", workload("web", 0)).await;
    let proposed = home.proposed(&writer, &intent(&cluster.namespace, Action::SetResources, "web", memory("96Mi"))).await;
    let stores = [(); 4].map(|()| open(&home.path(), &home.clock));
    let (proposed, writer, clock) = (&proposed, &writer, &home.clock);
    let clicks = (0..64).map(|click| {
        let store = &stores[click % stores.len()];
        async move {
            let executor = executor(writer, store, clock, &Unheard);
            match executor.approve(proposed, &proposed.digest).await {
                Ok(approved) => {
                    // Each worker that sees the approval would take it.
                    let again = executor.apply(&approved, &Allows);
                    let (first, second) = futures::join!(executor.apply(&approved, &Allows), again);
                    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
                    Some(first.or(second).unwrap())
                }
                Err(ApproveError::Advance(AdvanceError::Lost(winner))) => {
                    assert_ne!(winner.state, AttemptState::Proposed);
                    assert_eq!(winner.decided_by.unwrap().id, "anna");
                    None
                }
                Err(other) => panic!("{other}"),
            }
        }
    });
    let won: Vec<_> = join_all(clicks).await.into_iter().flatten().collect();
    assert_eq!(won.iter().map(|attempt| attempt.state).collect::<Vec<_>>(), [AttemptState::Succeeded]);
    assert_eq!(cluster.get("/apis/apps/v1/deployments", "web").await["metadata"]["generation"], 2);
    assert_eq!(home.store.attempt(&proposed.id).await.unwrap().unwrap().sends, 1);
    cluster.stop().await;
}
