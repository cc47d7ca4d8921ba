/// The form of a path, such as `/v2/{name...}/blobs/{digest}`.
///
/// `{x}` takes one segment and `{x...}` one or more; a pattern has at most one of the latter. Repository names hold
/// slashes, so a path is matched from both ends towards it, which is how OCI distribution-spec 1.1.1 means its routes.
package struct RoutePattern: Sendable, CustomStringConvertible {
    private enum Segment: Sendable {
        case literal(Substring)
        case capture(String)
    }

    /// The text of the pattern: the label of metrics, and what the OpenAPI document calls the path.
    package let description: String
    private let head: [Segment]
    /// The name of the capture of several segments, and what stands behind it.
    private let rest: (name: String, tail: [Segment])?

    package init(_ text: String) {
        description = text
        var head: [Segment] = []
        var rest: (name: String, tail: [Segment])?
        for part in RoutePattern.segments(of: text) {
            if part.hasPrefix("{"), part.hasSuffix("...}") {
                precondition(rest == nil, "a pattern has one capture of several segments")
                rest = (String(part.dropFirst().dropLast(4)), [])
                continue
            }
            let segment: Segment =
                part.hasPrefix("{") ? .capture(String(part.dropFirst().dropLast())) : .literal(part)
            if rest == nil { head.append(segment) } else { rest?.tail.append(segment) }
        }
        self.head = head
        self.rest = rest
    }

    /// The pattern as OpenAPI writes it.
    package var openAPIPath: String { description.replacing("...}", with: "}") }

    /// How much of a path the pattern fixes; of two patterns that match, the one that fixes more is meant.
    package var specificity: Int {
        (head + (rest?.tail ?? [])).reduce(rest == nil ? 1 : 0) { total, segment in
            if case .literal = segment { total + 2 } else { total }
        }
    }

    /// Splits a path at its slashes; the part before the first one is left out.
    package static func segments(of path: some StringProtocol) -> [Substring] {
        Substring(path).split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { $0 }
    }

    /// What the captures stand for, still percent-encoded; nil if the path has another form.
    package func match(_ path: [Substring]) -> [(name: String, text: String)]? {
        guard let rest else { return path.count == head.count ? Self.match(head, path[...]) : nil }
        let spread = path.count - head.count - rest.tail.count
        guard spread >= 1, let front = Self.match(head, path[..<head.count]),
            let back = Self.match(rest.tail, path[(head.count + spread)...])
        else { return nil }
        let middle = path[head.count..<(head.count + spread)].joined(separator: "/")
        return front + [(rest.name, middle)] + back
    }

    private static func match(_ segments: [Segment], _ path: ArraySlice<Substring>) -> [(name: String, text: String)]? {
        var captures: [(name: String, text: String)] = []
        for (segment, text) in zip(segments, path) {
            switch segment {
            case .literal(let literal): guard literal == text else { return nil }
            case .capture(let name):
                guard !text.isEmpty else { return nil }
                captures.append((name, String(text)))
            }
        }
        return captures
    }
}
