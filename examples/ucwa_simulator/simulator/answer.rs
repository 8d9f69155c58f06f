//! The server's answers: status, headers and body. The body of an error promises only `code`.

use serde_json::{Value, json};

/// One HTTP answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers, except those that every answer has.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// No body.
    Empty,
    /// JSON: a resource, a package of events, or an error.
    Json(Value),
    /// Other bytes, with their content type.
    Bytes(String, Vec<u8>),
}

impl Answer {
    /// Returns 200 with a resource. The resource's etag also becomes a header.
    pub fn ok(resource: Value) -> Answer {
        let headers = resource
            .get("etag")
            .and_then(Value::as_str)
            .map(|etag| ("ETag".to_owned(), format!("\"{etag}\"")));
        Answer {
            status: 200,
            headers: headers.into_iter().collect(),
            body: Body::Json(resource),
        }
    }

    /// Returns 201 without a body, with a Location.
    pub fn created(location: &str) -> Answer {
        Answer {
            status: 201,
            headers: vec![("Location".to_owned(), location.to_owned())],
            body: Body::Empty,
        }
    }

    /// Returns 201 with a resource. The resource's own link becomes the Location.
    pub fn created_with(resource: Value) -> Answer {
        let location = resource
            .pointer("/_links/self/href")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let mut answer = Answer::ok(resource);
        answer.status = 201;
        answer.headers.push(("Location".to_owned(), location));
        answer
    }

    /// Returns 204.
    pub fn done() -> Answer {
        Answer {
            status: 204,
            headers: Vec::new(),
            body: Body::Empty,
        }
    }

    /// Returns an error page like those of IIS.
    pub fn html(status: u16, title: &str, text: &str) -> Answer {
        let page = format!(
            "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\r\n\
             <html xmlns=\"http://www.w3.org/1999/xhtml\">\r\n<head>\r\n<title>{status} - {title}</title>\r\n</head>\r\n<body>\r\n\
             <div id=\"header\"><h1>Server Error</h1></div>\r\n<div id=\"content\">\r\n <h2>{status} - {title}</h2>\r\n \
             <h3>{text}</h3>\r\n</div>\r\n</body>\r\n</html>\r\n"
        );
        Answer {
            status,
            headers: Vec::new(),
            body: Body::Bytes("text/html".to_owned(), page.into_bytes()),
        }
    }

    /// Returns the answer with one more header.
    pub fn with(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds Retry-After, unless `seconds` is 0.
    pub fn retry_after(self, seconds: u32) -> Answer {
        if seconds == 0 {
            self
        } else {
            self.with("Retry-After", &seconds.to_string())
        }
    }
}

/// An error of UCWA: the body's `code`, `subcode` and `message`.
#[derive(Debug, Clone)]
pub struct Fault {
    status: u16,
    body: Value,
}

impl Fault {
    /// Returns an error with any status and code. An empty subcode is left out.
    pub fn new(status: u16, code: &str, subcode: &str, message: &str) -> Fault {
        let mut body = json!({"code": code, "message": message});
        if !subcode.is_empty() {
            body["subcode"] = json!(subcode);
        }
        Fault { status, body }
    }

    /// Returns 400.
    pub fn bad(subcode: &str, message: &str) -> Fault {
        Fault::new(400, "BadRequest", subcode, message)
    }

    /// Returns 400 for the field `name`; `what` says what is wrong with it.
    pub fn parameter(name: &str, what: &str) -> Fault {
        let mut fault = Fault::bad(
            "ParameterValidationFailure",
            "Please check what you entered and try again.",
        );
        fault.body["parameters"] = json!([{"name": name, "reason": what}]);
        fault
    }

    /// Returns 403.
    pub fn forbidden(subcode: &str, message: &str) -> Fault {
        Fault::new(403, "Forbidden", subcode, message)
    }

    /// Returns 404.
    pub fn not_found(subcode: &str) -> Fault {
        Fault::new(
            404,
            "NotFound",
            subcode,
            "The resource you asked for doesn't exist.",
        )
    }

    /// Returns 405: the resource does not support the method.
    pub fn method() -> Fault {
        Fault::new(
            405,
            "MethodNotAllowed",
            "",
            "The requested resource does not support this method.",
        )
    }

    /// Returns 409.
    pub fn conflict(subcode: &str, message: &str) -> Fault {
        Fault::new(409, "Conflict", subcode, message)
    }

    /// Returns 410.
    pub fn gone(subcode: &str, message: &str) -> Fault {
        Fault::new(410, "Gone", subcode, message)
    }
}

impl From<Fault> for Answer {
    fn from(fault: Fault) -> Answer {
        Answer {
            status: fault.status,
            headers: Vec::new(),
            body: Body::Json(fault.body),
        }
    }
}
