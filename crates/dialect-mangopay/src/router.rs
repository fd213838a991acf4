//! From a method and a path to what answers it: a trie of segments, made once.
//!
//! Literal segments match whatever their case, `{...}` segments capture exactly, one slash at the end
//! is ignored, and a literal is preferred to a capture. Matching allocates nothing.

use std::borrow::Cow;
use std::ops::Range;

use http::Method;
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;

/// A version of the API, as the first segment of a path names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// `/v2`: addresses are one string, users have no category.
    V2,
    /// `/v2.01`: what every client speaks today.
    V2_01,
    /// `/V3.0`: Echo.
    V3,
}

impl Version {
    /// Every version.
    pub const ALL: [Self; 3] = [Self::V2, Self::V2_01, Self::V3];

    /// The segment, as clients write it.
    #[must_use]
    pub const fn segment(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V2_01 => "v2.01",
            Self::V3 => "V3.0",
        }
    }

    fn of_segment(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.segment().eq_ignore_ascii_case(segment))
    }
}

/// A method that some route has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

impl Verb {
    /// Its name in HTTP.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    fn of(method: &Method) -> Option<Self> {
        [Self::Get, Self::Post, Self::Put, Self::Delete].into_iter().find(|verb| verb.name() == method.as_str())
    }
}

/// A declared route.
#[derive(Clone, Copy, Debug)]
pub struct Route<T: 'static> {
    /// Its method.
    pub verb: Verb,
    /// Its path with its main version: `/v2.01/{ClientId}/wallets/{WalletId}`.
    pub pattern: &'static str,
    /// Other versions under which it is reached too.
    pub also: &'static [Version],
    /// What answers it.
    pub target: T,
}

/// Segments of a path beyond this many match nothing.
const MAX_SEGMENTS: usize = 16;

/// Where a request leads.
#[derive(Debug)]
pub enum Found<T: 'static> {
    /// To a route.
    Route(Matched<T>),
    /// The path is there, with other methods only: these.
    OtherMethods(SmallVec<[Verb; 4]>),
    /// Nowhere.
    Nothing,
}

/// A route that matched, and what its captures hold.
#[derive(Debug)]
pub struct Matched<T: 'static> {
    /// The route.
    pub route: &'static Route<T>,
    /// The version asked for.
    pub version: Version,
    /// The captures.
    pub params: Params,
}

/// What the captures of a path hold, as places within it.
#[derive(Clone, Debug, Default)]
pub struct Params(SmallVec<[(&'static str, Range<usize>); 4]>);

impl Params {
    /// The decoded text of a capture; empty for one that the route does not have.
    #[must_use]
    pub fn get<'p>(&self, path: &'p str, name: &str) -> Cow<'p, str> {
        let range = self.0.iter().find(|(other, _)| *other == name).map(|(_, range)| range.clone());
        let raw = range.and_then(|range| path.get(range)).unwrap_or("");
        percent_decode_str(raw).decode_utf8_lossy()
    }

    /// Whether the route has a capture of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| *other == name)
    }
}

struct Node {
    literals: Vec<(&'static str, usize)>,
    capture: Option<usize>,
    routes: Vec<usize>,
}

impl Node {
    const fn new() -> Self {
        Self { literals: Vec::new(), capture: None, routes: Vec::new() }
    }
}

/// All routes of a table.
pub struct Router<T: 'static> {
    routes: &'static [Route<T>],
    nodes: Vec<Node>,
}

type Segments = SmallVec<[Range<usize>; MAX_SEGMENTS]>;

impl<T> Router<T> {
    /// The router of a table.
    #[must_use]
    pub fn new(routes: &'static [Route<T>]) -> Self {
        let mut router = Self { routes, nodes: vec![Node::new()] };
        for (place, route) in routes.iter().enumerate() {
            let leaf = route.segments().fold(0, |node, segment| router.child(node, segment));
            if let Some(leaf) = router.nodes.get_mut(leaf) {
                leaf.routes.push(place);
            }
        }
        router
    }

    /// Every declared route.
    #[must_use]
    pub const fn routes(&self) -> &'static [Route<T>] {
        self.routes
    }

    fn child(&mut self, parent: usize, segment: &'static str) -> usize {
        let fresh = self.nodes.len();
        let Some(node) = self.nodes.get_mut(parent) else { return parent };
        let known = match is_capture(segment) {
            true => node.capture,
            false => node.literals.iter().find(|(other, _)| other.eq_ignore_ascii_case(segment)).map(|(_, child)| *child),
        };
        if let Some(child) = known {
            return child;
        }
        match is_capture(segment) {
            true => node.capture = Some(fresh),
            false => node.literals.push((segment, fresh)),
        }
        self.nodes.push(Node::new());
        fresh
    }

    /// Where a request leads.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Found<T> {
        let Some(segments) = split(path) else { return Found::Nothing };
        let Some((first, rest)) = segments.split_first() else { return Found::Nothing };
        let Some(version) = path.get(first.clone()).and_then(Version::of_segment) else { return Found::Nothing };
        let verb = Verb::of(method);
        let mut others = SmallVec::new();
        match self.walk(0, path, rest, version, verb, &mut others) {
            Some(route) => Found::Route(Matched { route, version, params: route.params(rest) }),
            None if others.is_empty() => Found::Nothing,
            None => Found::OtherMethods(others),
        }
    }

    /// Follows the segments, literals first; notes the methods of paths that match but for the method.
    fn walk(
        &self,
        node: usize,
        path: &str,
        segments: &[Range<usize>],
        version: Version,
        verb: Option<Verb>,
        others: &mut SmallVec<[Verb; 4]>,
    ) -> Option<&'static Route<T>> {
        let node = self.nodes.get(node)?;
        let Some((first, rest)) = segments.split_first() else {
            let reached = node.routes.iter().filter_map(|place| self.routes.get(*place)).filter(|route| route.is_under(version));
            for route in reached {
                if Some(route.verb) == verb {
                    return Some(route);
                }
                if !others.contains(&route.verb) {
                    others.push(route.verb);
                }
            }
            return None;
        };
        let text = path.get(first.clone())?;
        let literal = node.literals.iter().find(|(other, _)| other.eq_ignore_ascii_case(text)).map(|(_, child)| *child);
        let capture = node.capture.filter(|_| !text.is_empty());
        [literal, capture].into_iter().flatten().find_map(|child| self.walk(child, path, rest, version, verb, others))
    }
}

impl<T> Route<T> {
    /// The segments of the pattern after the version.
    fn segments(&self) -> impl Iterator<Item = &'static str> {
        self.pattern.split('/').skip(2)
    }

    /// The version in the pattern itself.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.pattern.split('/').nth(1).and_then(Version::of_segment)
    }

    fn is_under(&self, version: Version) -> bool {
        self.version() == Some(version) || self.also.contains(&version)
    }

    fn params(&self, segments: &[Range<usize>]) -> Params {
        let names = self.segments().map(|segment| segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')));
        Params(names.zip(segments).filter_map(|(name, range)| Some((name?, range.clone()))).collect())
    }
}

fn is_capture(segment: &str) -> bool {
    segment.starts_with('{')
}

/// The places of a path's segments, without an empty last one. `None` for what has no leading slash or is too deep.
fn split(path: &str) -> Option<Segments> {
    let inner = path.strip_prefix('/')?;
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let mut segments = Segments::new();
    let mut start = 1_usize;
    for segment in inner.split('/') {
        if segments.len() == MAX_SEGMENTS {
            return None;
        }
        let end = start.saturating_add(segment.len());
        segments.push(start..end);
        start = end.saturating_add(1);
    }
    Some(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &[Route<u32>] = &[
        Route { verb: Verb::Post, pattern: "/v2.01/oauth/token", also: &[Version::V2], target: 1 },
        Route { verb: Verb::Post, pattern: "/v2.01/{ClientId}/wallets", also: &[Version::V2], target: 2 },
        Route { verb: Verb::Get, pattern: "/v2.01/{ClientId}/wallets/{WalletId}", also: &[Version::V2], target: 3 },
        Route { verb: Verb::Put, pattern: "/v2.01/{ClientId}/wallets/{WalletId}", also: &[], target: 4 },
        Route { verb: Verb::Get, pattern: "/v2.01/{ClientId}/KYC/documents", also: &[], target: 5 },
        Route { verb: Verb::Post, pattern: "/V3.0/{ClientId}/payins/intents", also: &[], target: 6 },
        Route { verb: Verb::Post, pattern: "/v2.01/{ClientId}/payins/bankwire/direct", also: &[], target: 7 },
        Route { verb: Verb::Get, pattern: "/v2.01/{ClientId}/payins/{PayInId}", also: &[], target: 8 },
        Route { verb: Verb::Get, pattern: "/v2.01/{ClientId}/users/{UserId}/wallets", also: &[], target: 9 },
        Route { verb: Verb::Get, pattern: "/v2.01/{ClientId}/users/natural/{UserId}", also: &[], target: 10 },
    ];

    /// Target, version and captures of a route; or the methods that the path has.
    type Seen = Result<(u32, Version, Vec<(&'static str, String)>), Vec<&'static str>>;

    fn find(method: &str, path: &str) -> Seen {
        match Router::new(ROUTES).find(&method.parse().unwrap(), path) {
            Found::Route(matched) => {
                let params = matched.params.0.iter().map(|(name, _)| (*name, matched.params.get(path, name).into_owned())).collect();
                Ok((matched.route.target, matched.version, params))
            }
            Found::OtherMethods(verbs) => Err(verbs.iter().map(|verb| verb.name()).collect()),
            Found::Nothing => Err(vec![]),
        }
    }

    #[track_caller]
    fn leads(method: &str, path: &str, target: u32, version: Version, params: &[(&'static str, &str)]) {
        let params = params.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        assert_eq!(find(method, path), Ok((target, version, params)), "{method} {path}");
    }

    #[test]
    fn literals_match_whatever_their_case_and_captures_exactly() {
        let v = Version::V2_01;
        leads("POST", "/v2.01/oauth/token", 1, v, &[]);
        leads("POST", "/V2.01/OAuth/Token/", 1, v, &[]);
        leads("POST", "/v2.01/me/wallets", 2, v, &[("ClientId", "me")]);
        leads("GET", "/v2.01/Me/WALLETS/wlt_m_A/", 3, v, &[("ClientId", "Me"), ("WalletId", "wlt_m_A")]);
        leads("GET", "/v2.01/me/kyc/documents/", 5, v, &[("ClientId", "me")]);
        leads("GET", "/v2.01/me/wallets/a%2Fb%20c%FF", 3, v, &[("ClientId", "me"), ("WalletId", "a/b c\u{fffd}")]);
    }

    #[test]
    fn a_version_reaches_what_was_declared_for_it() {
        leads("GET", "/v2/me/wallets/1", 3, Version::V2, &[("ClientId", "me"), ("WalletId", "1")]);
        leads("POST", "/v3.0/me/payins/intents", 6, Version::V3, &[("ClientId", "me")]);
        assert_eq!(find("GET", "/v2/me/KYC/documents"), Err(vec![]));
        assert_eq!(find("POST", "/V3.0/me/wallets"), Err(vec![]));
        assert_eq!(find("PUT", "/v2/me/wallets/1"), Err(vec!["GET"]), "only what the version has is named");
    }

    #[test]
    fn a_literal_is_preferred_and_a_capture_tried_after_it() {
        leads("GET", "/v2.01/me/payins/bankwire", 8, Version::V2_01, &[("ClientId", "me"), ("PayInId", "bankwire")]);
        leads("GET", "/v2.01/me/users/natural/7", 10, Version::V2_01, &[("ClientId", "me"), ("UserId", "7")]);
        leads("GET", "/v2.01/me/users/natural/wallets", 10, Version::V2_01, &[("ClientId", "me"), ("UserId", "wallets")]);
        leads("GET", "/v2.01/me/users/legal/wallets", 9, Version::V2_01, &[("ClientId", "me"), ("UserId", "legal")]);
    }

    #[test]
    fn other_methods_and_other_paths_are_told_apart() {
        assert_eq!(find("DELETE", "/v2.01/me/wallets/1"), Err(vec!["GET", "PUT"]));
        assert_eq!(find("PATCH", "/v2.01/me/wallets"), Err(vec!["POST"]));
        let deep = format!("/v2.01/me{}", "/a".repeat(100));
        for path in [
            "",
            "/",
            "*",
            "v2.01/oauth/token",
            "//",
            "/v2.01",
            "/v2.01/",
            "/v2.01/me",
            "/v1/me/wallets",
            "/v2.01/me/wallets//",
            "/v2.01//wallets",
            "/v2.01/me/wallet",
            "/v2.01/me/wallets/1/2",
            "/v2.01/me//wallets",
            &deep,
        ] {
            assert_eq!(find("GET", path), Err(vec![]), "{path}");
        }
    }
}
