//! What the server answers: statuses, headers and the error body that only promises `code`.

use serde_json::{Value, json};

/// One HTTP answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Beside those that every answer has.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Body,
}

/// A body, typed by what it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// None.
    Empty,
    /// A resource, a package of events, an error.
    Json(Value),
    /// With its content type.
    Bytes(String, Vec<u8>),
}

impl Answer {
    /// 200 with a resource. An etag inside is a header too.
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

    /// 201, empty, with a Location.
    pub fn created(location: &str) -> Answer {
        Answer {
            status: 201,
            headers: vec![("Location".to_owned(), location.to_owned())],
            body: Body::Empty,
        }
    }

    /// 201 with a resource.
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

    /// 204.
    pub fn done() -> Answer {
        Answer {
            status: 204,
            headers: Vec::new(),
            body: Body::Empty,
        }
    }

    /// A page as IIS makes it.
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

    /// The same with one more header.
    pub fn with(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds Retry-After, unless 0.
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
    /// Any.
    pub fn new(status: u16, code: &str, subcode: &str, message: &str) -> Fault {
        let mut body = json!({"code": code, "message": message});
        if !subcode.is_empty() {
            body["subcode"] = json!(subcode);
        }
        Fault { status, body }
    }

    /// 400.
    pub fn bad(subcode: &str, message: &str) -> Fault {
        Fault::new(400, "BadRequest", subcode, message)
    }

    /// 400, with the bad field named.
    pub fn parameter(name: &str, what: &str) -> Fault {
        let mut fault = Fault::bad(
            "ParameterValidationFailure",
            "Please check what you entered and try again.",
        );
        fault.body["parameters"] = json!([{"name": name, "reason": what}]);
        fault
    }

    /// 403.
    pub fn forbidden(subcode: &str, message: &str) -> Fault {
        Fault::new(403, "Forbidden", subcode, message)
    }

    /// 404.
    pub fn not_found(subcode: &str) -> Fault {
        Fault::new(
            404,
            "NotFound",
            subcode,
            "The resource you asked for doesn't exist.",
        )
    }

    /// 405: the resource does not know the method.
    pub fn method() -> Fault {
        Fault::new(
            405,
            "MethodNotAllowed",
            "",
            "The requested resource does not support this method.",
        )
    }

    /// 409.
    pub fn conflict(subcode: &str, message: &str) -> Fault {
        Fault::new(409, "Conflict", subcode, message)
    }

    /// 410.
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
