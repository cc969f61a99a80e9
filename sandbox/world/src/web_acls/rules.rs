//! What the rules of a web ACL look for.
//! Must know nothing of HTTP or JSON; the edge looks, and the codec reads. Source: WAF API, Statement.

/// A rule, as far as the edge applies it.
#[derive(Debug, Clone)]
pub struct Rule {
    pub name: String,
    /// Of its visibility configuration: names the rule in sampled requests.
    pub metric: String,
    pub kind: RuleKind,
}

#[derive(Debug, Clone)]
pub enum RuleKind {
    /// A group that AWS manages.
    Managed {
        group: String,
        /// The whole group only counts.
        counts: bool,
        /// Its rules with other actions than their own.
        overrides: Vec<(String, Action)>,
        scope: Option<Statement>,
    },
    /// Too many requests of one kind within a window.
    Rate { action: Action, rate: Rate },
    /// Requests that look like something.
    Plain { action: Action, statement: Statement },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Allow,
    Block,
    Count,
}

#[derive(Debug, Clone)]
pub struct Rate {
    pub limit: u64,
    /// Seconds of sandbox time.
    pub window: u32,
    pub key: RateKey,
    /// Only what matches is counted and limited.
    pub scope: Option<Statement>,
}

/// By what requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateKey {
    Ip,
    /// The first address of a header; `matches`: whether a request without a valid one is limited.
    ForwardedIp {
        header: String,
        matches: bool,
    },
    /// All together.
    Constant,
}

#[derive(Debug, Clone)]
pub enum Statement {
    Bytes {
        field: Field,
        transformations: Vec<Transformation>,
        position: Position,
        search: Vec<u8>,
    },
    Size {
        field: Field,
        transformations: Vec<Transformation>,
        comparison: Comparison,
        size: u64,
    },
    And(Vec<Statement>),
    Or(Vec<Statement>),
    Not(Box<Statement>),
}

/// A part of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// In small letters.
    Header(String),
    Method,
    QueryString,
    /// In small letters.
    QueryArgument(String),
    UriPath,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transformation {
    None,
    Lowercase,
    UrlDecode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    Exactly,
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    LessOrEqual,
    Less,
    GreaterOrEqual,
    Greater,
}

impl Position {
    pub fn holds(self, text: &[u8], search: &[u8]) -> bool {
        match self {
            Self::Exactly => text == search,
            Self::StartsWith => text.starts_with(search),
            Self::EndsWith => text.ends_with(search),
            Self::Contains => search.is_empty() || text.windows(search.len()).any(|part| part == search),
        }
    }
}

impl Comparison {
    pub fn holds(self, length: u64, size: u64) -> bool {
        match self {
            Self::Equal => length == size,
            Self::NotEqual => length != size,
            Self::LessOrEqual => length <= size,
            Self::Less => length < size,
            Self::GreaterOrEqual => length >= size,
            Self::Greater => length > size,
        }
    }
}
