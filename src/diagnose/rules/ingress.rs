//! Ingresses that name what isn't there: a backend Service, a port of it, a class, a certificate. Whether their controller runs
//! is not looked at here.

use crate::cluster::ports;
use crate::cluster::{Object, json};
use crate::diagnose::catalogue::{Cause, Explains, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::reach;
use crate::diagnose::symptoms::{BROKEN_REFERENCE, NO_ADDRESS};
use crate::domain::{Evidence, ObjectRef};
use jiff::SignedDuration;
use serde_json::Value;

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Routing,
    causes: &[&INGRESS_BACKEND_MISSING, &INGRESS_PORT_UNDEFINED, &INGRESS_CLASS_MISSING, &INGRESS_TLS_SECRET_MISSING],
    check,
};

/// What is seen of an Ingress that can't work.
const INGRESS_BROKEN: Explains = &[
    (Link::Pod, "broken_reference"),
    (Link::Pod, "no_address"),
    (Link::Pod, "probe_failed"),
    (Link::Pod, "error_rate"),
    (Link::Pod, "tls_certificate_invalid"),
];

static INGRESS_BACKEND_MISSING: Cause = Cause {
    id: "ingress_backend_missing",
    title: "the Ingress leads to a Service that doesn't exist",
    perspective: Perspective::Infra,
    explains: &[INGRESS_BROKEN],
    reads: "ingresses, services, events",
    source: "networking.k8s.io Ingress: spec.rules[].http.paths[].backend.service, or serviceName in v1beta1",
    doc: "A rule of the Ingress names a backend Service that its namespace doesn't have; controllers answer 503 or 404 there.",
    check: "kubectl -n NAMESPACE describe ingress NAME",
    fix: "correct the Service's name in the Ingress, or create the Service",
    fields: &[],
};

static INGRESS_PORT_UNDEFINED: Cause = Cause {
    id: "ingress_port_undefined",
    title: "the Ingress leads to a port that the Service doesn't have",
    perspective: Perspective::Infra,
    explains: &[INGRESS_BROKEN],
    reads: "ingresses, services, events",
    source: "networking.k8s.io Ingress: backend.service.port, a port of the Service and not of its pods",
    doc: "A rule of the Ingress names a port, by number or by name, that the backend Service doesn't offer.",
    check: "kubectl -n NAMESPACE describe ingress NAME; kubectl -n NAMESPACE get service SERVICE -o jsonpath='{.spec.ports}'",
    fix: "name a port of the Service in the Ingress",
    fields: &[],
};

static INGRESS_CLASS_MISSING: Cause = Cause {
    id: "ingress_class_missing",
    title: "no controller takes the Ingress, since its class doesn't exist",
    perspective: Perspective::Infra,
    explains: &[INGRESS_BROKEN],
    reads: "ingresses, ingress classes",
    source: "networking.k8s.io Ingress: spec.ingressClassName, or the IngressClass with is-default-class where none is named",
    doc: "The Ingress names an IngressClass that doesn't exist, or names none while no class is the default; no controller serves it.",
    check: "kubectl get ingressclasses; kubectl -n NAMESPACE get ingress NAME -o jsonpath='{.spec.ingressClassName}'",
    fix: "name an IngressClass that exists, or make one the default",
    fields: &[],
};

static INGRESS_TLS_SECRET_MISSING: Cause = Cause {
    id: "ingress_tls_secret_missing",
    title: "the certificate that the Ingress names isn't there",
    perspective: Perspective::Infra,
    explains: &[INGRESS_BROKEN],
    reads: "ingresses, secrets (names and key names)",
    source: "networking.k8s.io Ingress: spec.tls[].secretName, a Secret with tls.crt and tls.key",
    doc: "The Ingress names a TLS Secret that doesn't exist or lacks its keys; controllers then serve a certificate of their own.",
    check: "kubectl -n NAMESPACE get secret NAME",
    fix: "create the TLS Secret, or correct its name in the Ingress",
    fields: &[],
};

/// A controller takes an Ingress, and cert-manager writes its Secret, within this time.
const SETTLING: SignedDuration = SignedDuration::from_mins(5);
/// The annotation by which an IngressClass is the default (k8s.io/api/networking/v1, `AnnotationIsDefaultIngressClass`).
const IS_DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";
/// The older way to name a class, which controllers match against their own configuration.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

fn check(cx: &Context<'_>, out: &mut Findings) {
    for ingress in cx.snap.of_kind("Ingress").iter().filter(|ingress| ingress.partial().is_none() && ingress.deleted().is_none())
    {
        for backend in backends(ingress) {
            backend_exists(cx, ingress, &backend, out);
        }
        class(cx, ingress, out);
        certificates(cx, ingress, out);
    }
}

/// One backend of an Ingress.
#[derive(Debug)]
pub(super) struct Backend<'a> {
    /// The host of the rule, empty for all.
    pub host: &'a str,
    /// The path of the rule, empty for the default backend.
    pub path: &'a str,
    /// The Service.
    pub service: &'a str,
    /// Its port, a number or a name; null where none is given.
    pub port: &'a Value,
    /// The field that names the Service.
    pub field: String,
}

impl Backend<'_> {
    /// `shop.example.com/cart`, or `everything else`.
    pub fn route(&self) -> String {
        if self.path.is_empty() && self.host.is_empty() {
            "everything else".to_owned()
        } else {
            format!("{}{}", self.host, self.path)
        }
    }
}

/// The backends of an Ingress that are Services, the default one last.
pub(super) fn backends(ingress: &Object) -> Vec<Backend<'_>> {
    let mut found = Vec::new();
    let mut add = |host, path, raw, field: String| {
        // networking.k8s.io/v1 has backend.service.name, v1beta1 and extensions/v1beta1 backend.serviceName.
        let (service, port) = match json::text(raw, "service.name") {
            "" => (json::text(raw, "serviceName"), json::key(raw, "servicePort")),
            name => match json::at(raw, "service.port.name") {
                Value::Null => (name, json::at(raw, "service.port.number")),
                port => (name, port),
            },
        };
        if !service.is_empty() {
            found.push(Backend { host, path, service, port, field });
        }
    };
    for rule in ingress.list("spec.rules") {
        let host = json::text(rule, "host");
        for path in json::list(rule, "http.paths") {
            let at = Some(json::text(path, "path")).filter(|path| !path.is_empty()).unwrap_or("/");
            add(host, at, json::key(path, "backend"), format!("spec.rules[{host}].http.paths[{at}].backend"));
        }
    }
    for field in ["spec.defaultBackend", "spec.backend"] {
        add("", "", ingress.at(field), field.to_owned());
    }
    found
}

fn backend_exists(cx: &Context<'_>, ingress: &Object, backend: &Backend<'_>, out: &mut Findings) {
    let namespace = ingress.id.ns();
    let Some(service) = cx.snap.find("Service", namespace, backend.service) else {
        if let Err(why) = cx.snap.looked_for("Service", namespace) {
            out.unknown("ingress_backend_missing", ingress.id.clone(), &why);
            return out.blind(ingress.id.clone(), "the Services of its namespace", why, "whether its backends are there");
        }
        let names = cx.snap.in_namespace("Service", namespace).iter().map(|service| service.id.name.as_str());
        let near = crate::cluster::selector::nearest(backend.service, names);
        let near = near.map_or(String::new(), |near| format!("; there is one called {near}"));
        let says = format!(
            "leads {} to Service {}, which doesn't exist in namespace {namespace}{near}",
            backend.route(),
            backend.service
        );
        return broken(cx, &INGRESS_BACKEND_MISSING, ingress, backend, says, out);
    };
    let offered = ports::of_service(service);
    let has = |port: &Value| match port {
        Value::Null => true,
        // v1beta1 wrote numbers as text, too.
        Value::String(name) => offered.iter().any(|port| port.name == name || port.number.to_string() == *name),
        number => offered.iter().any(|port| ports::number(number) == Some(port.number)),
    };
    if service.text("spec.type") == "ExternalName" || service.partial().is_some() || has(backend.port) {
        return;
    }
    let shown = backend.port.as_str().map_or_else(|| backend.port.to_string(), str::to_owned);
    let listed: Vec<String> = offered
        .iter()
        .map(|port| if port.name.is_empty() { port.number.to_string() } else { format!("{} ({})", port.number, port.name) })
        .collect();
    let says =
        format!("leads {} to port {shown} of Service {}, which has {}", backend.route(), backend.service, listed.join(", "));
    broken(cx, &INGRESS_PORT_UNDEFINED, ingress, backend, says, out);
}

fn broken(cx: &Context<'_>, cause: &'static Cause, ingress: &Object, backend: &Backend<'_>, says: String, out: &mut Findings) {
    let said = cx.snap.events(&ingress.id).iter().rfind(|event| event.warning && event.message.contains(backend.service));
    let since = reach::edited(ingress).or_else(|| ingress.created());
    let evidence = cx.value(&ingress.id, &backend.field, field(ingress, backend), since);
    let proof = if said.is_some() { Proof::ComputedAndSaid } else { Proof::Computed };
    out.symptom(&BROKEN_REFERENCE, ingress.id.clone(), format!("can't serve {}", backend.route()), since, vec![evidence.clone()]);
    out.found(cause, ingress.id.clone(), proof)
        .since(since)
        .evidence([evidence])
        .evidence(said.map(|event| event.evidence()))
        .says(says)
        .next(format!("kubectl -n {} describe ingress {}", ingress.id.ns(), ingress.id.name));
}

fn field(ingress: &Object, backend: &Backend<'_>) -> Value {
    let rules = ingress.list("spec.rules").iter().filter(|rule| json::text(rule, "host") == backend.host);
    let mut paths = rules.flat_map(|rule| json::list(rule, "http.paths"));
    let found = paths.find(|path| {
        json::text(path, "backend.service.name") == backend.service || json::text(path, "backend.serviceName") == backend.service
    });
    found.map_or_else(|| ingress.at(&backend.field).clone(), |path| json::key(path, "backend").clone())
}

/// Whether a controller serves it: it gives the Ingress an address.
fn has_address(ingress: &Object) -> bool {
    !ingress.list("status.loadBalancer.ingress").is_empty()
}

fn class(cx: &Context<'_>, ingress: &Object, out: &mut Findings) {
    let is_new = ingress.created().is_none_or(|created| cx.snap.age(created) < SETTLING);
    // The annotation is between the author and the controller; who has an address is served, and without a status it wasn't seen.
    let is_served = has_address(ingress) || !ingress.at("status.loadBalancer").is_object();
    if is_served || is_new || ingress.annotation(CLASS_ANNOTATION).is_some() {
        return;
    }
    if let Err(why) = cx.snap.looked_for("IngressClass", "") {
        out.unknown("ingress_class_missing", ingress.id.clone(), &why);
        return out.blind(ingress.id.clone(), "the IngressClasses", why, "why it has no address");
    }
    let named = ingress.text("spec.ingressClassName");
    let classes = cx.snap.of_kind("IngressClass");
    let names: Vec<&str> = classes.iter().map(|class| class.id.name.as_str()).collect();
    let there =
        if names.is_empty() { "there is no IngressClass at all".to_owned() } else { format!("there are {}", names.join(", ")) };
    let says = if named.is_empty() {
        if classes.iter().any(|class| class.annotation(IS_DEFAULT) == Some("true")) {
            return;
        }
        format!("names no class and none is the default, so that no controller takes it; {there}")
    } else {
        if names.contains(&named) {
            return;
        }
        format!("names class {named}, which doesn't exist, so that no controller takes it; {there}")
    };
    let evidence = [cx.field(ingress, "spec.ingressClassName"), cx.field(ingress, "status.loadBalancer")];
    let since = reach::edited(ingress).or_else(|| ingress.created());
    out.symptom(&NO_ADDRESS, ingress.id.clone(), "has no address: no controller serves it", since, evidence.to_vec());
    out.found(&INGRESS_CLASS_MISSING, ingress.id.clone(), Proof::Computed)
        .since(since)
        .evidence(evidence)
        .says(says)
        .next("kubectl get ingressclasses");
}

fn certificates(cx: &Context<'_>, ingress: &Object, out: &mut Findings) {
    for tls in ingress.list("spec.tls") {
        let name = json::text(tls, "secretName");
        let namespace = ingress.id.ns();
        if name.is_empty() {
            continue;
        }
        let what = match cx.snap.find("Secret", namespace, name) {
            Some(secret) if secret.partial().is_some() || has_keys(secret) => continue,
            Some(_) => "has no tls.crt and tls.key".to_owned(),
            None => {
                if let Err(why) = cx.snap.looked_for("Secret", namespace) {
                    out.unknown("ingress_tls_secret_missing", ingress.id.clone(), &why);
                    out.blind(ingress.id.clone(), format!("Secret {name}"), why, "whether its certificate is there");
                    continue;
                }
                format!("doesn't exist in namespace {namespace}")
            }
        };
        let issued = issuer(ingress);
        let is_new = ingress.created().is_none_or(|created| cx.snap.age(created) < SETTLING);
        if issued.is_some() && is_new {
            continue;
        }
        let hosts: Vec<&str> = json::list(tls, "hosts").iter().filter_map(Value::as_str).collect();
        let hosts = if hosts.is_empty() { "its hosts".to_owned() } else { hosts.join(", ") };
        let by = issued.map_or(String::new(), |issuer| format!("; cert-manager's {issuer} was to make it and has not"));
        let evidence: Evidence = cx.value(&ingress.id, &format!("spec.tls[{name}]"), tls.clone(), None);
        let since = reach::edited(ingress).or_else(|| ingress.created());
        let summary = format!("has no certificate for {hosts}");
        out.symptom(&BROKEN_REFERENCE, ingress.id.clone(), summary, since, vec![evidence.clone()]);
        out.found(&INGRESS_TLS_SECRET_MISSING, ingress.id.clone(), Proof::Computed)
            .since(since)
            .also([ObjectRef::new("Secret", namespace, name).into()])
            .evidence([evidence])
            .says(format!("takes the certificate for {hosts} from Secret {name}, which {what}{by}"))
            .next(format!("kubectl -n {namespace} get secret {name}"));
    }
}

fn has_keys(secret: &Object) -> bool {
    ["tls.crt", "tls.key"].iter().all(|key| !json::key(secret.at("data"), key).is_null())
}

/// The issuer that cert-manager was told to use (cert-manager.io/docs/usage/ingress).
fn issuer(ingress: &Object) -> Option<String> {
    let of = |kind: &str, key| ingress.annotation(key).map(|name| format!("{kind} {name}"));
    of("ClusterIssuer", "cert-manager.io/cluster-issuer").or_else(|| of("Issuer", "cert-manager.io/issuer"))
}
