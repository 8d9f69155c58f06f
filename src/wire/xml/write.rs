//! The serializer: it turns `serde`'s calls into elements.
//!
//! Four things in a document decide the form. The name of a struct names the items of
//! a list. A member called `__type` becomes the attribute `i:type`. A newtype struct of one of the
//! two names in [`super::super::arrays`] belongs to another namespace, so inside other elements it
//! declares the prefix `a`, which its children carry. Every other newtype struct is a value of an
//! enumeration, and its name is written.

use super::super::arrays;
use super::document::{ARRAYS, Document, Root};
use super::text;
use serde::ser::{Impossible, Serialize, SerializeSeq, SerializeStruct, Serializer};
use std::fmt::{Display, Error, Write};

/// The document's text.
pub(super) fn document<T: Document + ?Sized>(document: &T, root: &Root) -> Result<String, Error> {
    let mut declarations = String::new();
    if !root.namespace.is_empty() {
        write!(declarations, " xmlns=\"{}\"", root.namespace)?;
    }
    if root.instance {
        declarations.push_str(" xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"");
    }
    let mut out = String::new();
    document.serialize(Element {
        out: &mut out,
        name: Name::Given(&root.name),
        declarations: &declarations,
        prefix: "",
        inner: "",
        is_root: true,
    })?;
    Ok(out)
}

/// How an element gets its name.
#[derive(Clone, Copy)]
enum Name<'a> {
    /// It is a member, or the root.
    Given(&'a str),
    /// It is an item of a list, and called by its type.
    OfType,
    /// It is not an element but the attribute `i:type` of one.
    TypeAttribute,
}

/// An element about to be written, or the attribute.
struct Element<'a> {
    out: &'a mut String,
    name: Name<'a>,
    /// Namespace declarations that it carries, each after a blank.
    declarations: &'a str,
    /// The prefix of its own name.
    prefix: &'static str,
    /// The prefix of the names of what is in it.
    inner: &'static str,
    is_root: bool,
}

impl<'a> Element<'a> {
    /// Writes `<name …`, without the end of the tag; the name with its prefix is needed again for
    /// the end tag.
    fn open(&mut self, of_type: &'static str) -> Result<Tag<'a>, Error> {
        let name = match self.name {
            Name::Given(name) => name,
            Name::OfType => of_type,
            Name::TypeAttribute => return Err(Error),
        };
        write!(self.out, "<{}{name}", self.prefix)?;
        Ok(Tag {
            prefix: self.prefix,
            name,
        })
    }

    fn leaf(mut self, of_type: &'static str, content: &str) -> Result<(), Error> {
        if let Name::TypeAttribute = self.name {
            // The namespace after the colon is the root's, and the value has no prefix.
            let (kind, _) = content.split_once(':').unwrap_or((content, ""));
            return write!(self.out, " i:type=\"{kind}\"");
        }
        let tag = self.open(of_type)?;
        write!(self.out, "{}>", self.declarations)?;
        text::push(self.out, content);
        tag.close(self.out)
    }

    fn number(self, number: impl Display) -> Result<(), Error> {
        self.leaf("long", &number.to_string())
    }
}

/// The name of an element under way.
#[derive(Clone, Copy)]
struct Tag<'a> {
    prefix: &'static str,
    name: &'a str,
}

impl Tag<'_> {
    fn close(self, out: &mut String) -> Result<(), Error> {
        write!(out, "</{}{}>", self.prefix, self.name)
    }
}

/// An element that has been begun and will have children.
struct Parent<'a> {
    out: &'a mut String,
    tag: Tag<'a>,
    inner: &'static str,
    /// Whether it has children yet; until then its start tag is not ended.
    has_children: bool,
}

impl Parent<'_> {
    fn child(&mut self, name: Name<'_>, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        if !self.has_children {
            self.out.push('>');
            self.has_children = true;
        }
        let prefix = self.inner;
        value.serialize(Element {
            out: self.out,
            name,
            declarations: "",
            prefix,
            inner: prefix,
            is_root: false,
        })
    }

    fn finish(self) -> Result<(), Error> {
        if self.has_children {
            return self.tag.close(self.out);
        }
        self.out.push_str("/>");
        Ok(())
    }
}

impl SerializeSeq for Parent<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Error> {
        self.child(Name::OfType, item)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeStruct for Parent<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        if name == "__type" {
            let name = Name::TypeAttribute;
            return value.serialize(Element {
                out: self.out,
                name,
                declarations: "",
                prefix: "",
                inner: "",
                is_root: false,
            });
        }
        self.child(Name::Given(name), value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl<'a> Serializer for Element<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Parent<'a>;
    type SerializeStruct = Parent<'a>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.leaf("boolean", if value { "true" } else { "false" })
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.leaf("string", value)
    }

    fn serialize_none(mut self) -> Result<(), Error> {
        self.open("anyType")?;
        write!(self.out, " i:nil=\"true\"{}/>", self.declarations)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        if name != arrays::STRINGS && name != arrays::DICTIONARY {
            return self.leaf("int", name);
        }
        if self.is_root {
            return value.serialize(self);
        }
        let declarations = format!(" xmlns:a=\"{ARRAYS}\"");
        value.serialize(Element {
            declarations: &declarations,
            inner: "a:",
            ..self
        })
    }

    fn serialize_seq(mut self, _: Option<usize>) -> Result<Parent<'a>, Error> {
        let tag = self.open("anyType")?;
        self.out.push_str(self.declarations);
        Ok(Parent {
            out: self.out,
            tag,
            inner: self.inner,
            has_children: false,
        })
    }

    fn serialize_struct(mut self, name: &'static str, _: usize) -> Result<Parent<'a>, Error> {
        let tag = self.open(name)?;
        self.out.push_str(self.declarations);
        Ok(Parent {
            out: self.out,
            tag,
            inner: self.inner,
            has_children: false,
        })
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.number(value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.leaf("string", value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_none()
    }

    // No document has any of these.

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        Err(Error)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Error> {
        Err(Error)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &str,
        _: u32,
        _: &str,
        _: &T,
    ) -> Result<(), Error> {
        Err(Error)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        Err(Error)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        Err(Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &str,
        _: u32,
        _: &str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Err(Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Error> {
        Err(Error)
    }

    fn serialize_struct_variant(
        self,
        _: &str,
        _: u32,
        _: &str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Err(Error)
    }
}
