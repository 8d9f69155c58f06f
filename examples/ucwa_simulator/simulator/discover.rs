//! Autodiscovery: the resources `root` and `user`, and the frame that browsers use.

use super::answer::{Answer, Body};
use super::request::Request;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};

const SERVICE: &str = "/Autodiscover/AutodiscoverService.svc/root";

impl World {
    /// Answers requests under `/Autodiscover`, and for `/`.
    pub fn discover(&self, now: Moment, request: &Request, rest: &[&str]) -> Answer {
        match rest {
            [] | ["autodiscoverservice.svc"] | ["autodiscoverservice.svc", "root"] => {
                self.root(request)
            }
            ["autodiscoverservice.svc", "root", "user"]
            | ["autodiscoverservice.svc", "root", "oauth", "user"] => self.user(now, request),
            ["autodiscoverservice.svc", "root", "domain"] => {
                self.redirect(request, &format!("{}{SERVICE}", request.origin()))
            }
            ["xframe", "xframe.html"] | ["autodiscoverservice.svc", "root", "xframe"] => frame(),
            _ => Answer::html(
                404,
                "File or directory not found.",
                "The resource you are looking for might have been removed.",
            ),
        }
    }

    fn root(&self, request: &Request) -> Answer {
        let origin = request.origin();
        if !self.switches.root_redirect.is_empty() && self.switches.root_redirect != origin {
            return self.redirect(
                request,
                &format!("{}{SERVICE}", self.switches.root_redirect),
            );
        }
        if let (Some(secure), "http") = (&self.config.secure_port, request.scheme.as_str()) {
            let host = request
                .host
                .rsplit_once(':')
                .map_or(request.host.as_str(), |(host, _)| host);
            let port = if *secure == 443 {
                String::new()
            } else {
                format!(":{secure}")
            };
            return self.redirect(request, &format!("https://{host}{port}{SERVICE}"));
        }
        let domain = request.pairs().into_iter().find(|(name, _)| {
            name.eq_ignore_ascii_case("originalDomain") || name.eq_ignore_ascii_case("sipuri")
        });
        let suffix = domain.map_or(
            format!("?originalDomain={}", self.config.domain),
            |(name, value)| format!("?{name}={value}"),
        );
        let mut links = json!({
            "self": {"href": format!("{origin}{SERVICE}{suffix}")},
            "user": {"href": format!("{origin}{SERVICE}/oauth/user{suffix}")},
        });
        self.add_frame(&mut links, &origin);
        Answer::ok(json!({"_links": links}))
    }

    fn user(&self, now: Moment, request: &Request) -> Answer {
        if let Err(refused) = self.authorize(now, request) {
            return refused;
        }
        let origin = request.origin();
        if !self.switches.user_redirect.is_empty() && self.switches.user_redirect != origin {
            return self.redirect(
                request,
                &format!("{}{SERVICE}/oauth/user", self.switches.user_redirect),
            );
        }
        let pool = if self.switches.pool.is_empty() {
            &origin
        } else {
            &self.switches.pool
        };
        let mut links = json!({
            "self": {"href": format!("{pool}{SERVICE}/user")},
            "applications": {"href": format!("{pool}/ucwa/oauth/v1/applications"), "revision": "2"},
        });
        self.add_frame(&mut links, pool);
        Answer::ok(json!({"_links": links}))
    }

    /// Returns a redirect. It also has the links `self` and `xframe`, as in a capture of a real
    /// server.
    fn redirect(&self, request: &Request, href: &str) -> Answer {
        let origin = request.origin();
        let mut links =
            json!({"self": {"href": format!("{origin}{SERVICE}")}, "redirect": {"href": href}});
        self.add_frame(&mut links, &origin);
        Answer::ok(json!({"_links": links}))
    }

    fn add_frame(&self, links: &mut Value, origin: &str) {
        if self.switches.xframe {
            links["xframe"] = json!({"href": format!("{origin}/Autodiscover/XFrame/XFrame.html")});
        }
    }
}

fn frame() -> Answer {
    Answer {
        status: 200,
        headers: Vec::new(),
        body: Body::Bytes(
            "text/html".to_owned(),
            include_bytes!("xframe.html").to_vec(),
        ),
    }
}
