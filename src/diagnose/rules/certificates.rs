//! Certificates that have expired by what a probe from outside, or their issuer, measures. What a program says of a certificate
//! is judged with its last words.

use super::application_rows::TLS_CERTIFICATE_EXPIRED;
use crate::cluster::{Object, json};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::series;
use crate::diagnose::symptoms::CERTIFICATE_INVALID;
use crate::domain::ObjectRef;
use serde_json::Value;

/// States the expired certificates. The row stands with what programs say of certificates.
pub(super) fn check(cx: &Context<'_>, out: &mut Findings) {
    for signal in cx.snap.signals.iter().filter(|signal| signal.signal == "certificate_expiry_seconds") {
        let host = signal.labels.get("host").map_or("", String::as_str);
        let Some((at, left)) = signal.values.last().copied() else { continue };
        let Some((route, secret)) = holder(cx, host) else { continue };
        let evidence = cx.sample(&route.id, signal, at, left);
        if left > 0.0 {
            let why = format!("the certificate of {host} is valid for {:.0} more hours", left / 3600.0);
            out.absent("tls_certificate_expired", route.id.clone(), why, vec![evidence]);
            continue;
        }
        // The value falls by a second a second: it crossed zero that long ago.
        let since = series::time(at + left);
        let named = ObjectRef::new("Secret", route.id.ns(), secret);
        let there = cx.snap.get(&named).is_some();
        let blames = if there { named.clone() } else { route.id.clone() };
        let summary = format!("serves {host} with a certificate that has expired");
        out.symptom(&CERTIFICATE_INVALID, route.id.clone(), summary, since, vec![evidence.clone()]);
        out.found(&TLS_CERTIFICATE_EXPIRED, route.id.clone(), Proof::Structure)
            .blame(blames)
            .since(since)
            .evidence([evidence])
            .says(format!("holds the certificate of {host}, which expired {:.0} hours ago", -left / 3600.0))
            .fix(format!("renew the certificate in Secret {secret}, and find why it was not renewed"))
            .next(format!("kubectl -n {} get secret {secret}", route.id.ns()));
    }
}

/// The Ingress or Gateway that serves a host over TLS, and the Secret that it takes the certificate from.
fn holder<'a>(cx: &Context<'a>, host: &str) -> Option<(&'a Object, &'a str)> {
    let by_ingress = cx.snap.of_kind("Ingress").iter().find_map(|ingress| {
        let serves = |tls: &&Value| json::list(tls, "hosts").iter().any(|name| name.as_str() == Some(host));
        ingress.list("spec.tls").iter().find(serves).map(|tls| (ingress, json::text(tls, "secretName")))
    });
    let by_gateway = || {
        cx.snap.of_kind("Gateway").iter().find_map(|gateway| {
            let serves = |listener: &&Value| {
                let name = json::text(listener, "hostname");
                let wide = name.strip_prefix("*.").is_some_and(|end| host.split_once('.').is_some_and(|(_, rest)| rest == end));
                (name == host || wide) && !json::list(listener, "tls.certificateRefs").is_empty()
            };
            let listener = gateway.list("spec.listeners").iter().find(serves)?;
            Some((gateway, json::text(json::list(listener, "tls.certificateRefs").first()?, "name")))
        })
    };
    by_ingress.or_else(by_gateway).filter(|(_, secret)| !host.is_empty() && !secret.is_empty())
}
