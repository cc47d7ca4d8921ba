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
        guard fits(path) else { return nil }
        var captures = Self.captures(head, path[...])
        if let rest {
            let tail = path.suffix(rest.tail.count)
            captures.append((rest.name, path[head.count..<tail.startIndex].joined(separator: "/")))
            captures += Self.captures(rest.tail, tail)
        }
        return captures
    }

    /// Whether the path has as many segments as it must, the literal ones are right, and none is captured empty.
    private func fits(_ path: [Substring]) -> Bool {
        guard let rest else { return path.count == head.count && Self.fits(head, path[...]) }
        return path.count > head.count + rest.tail.count && Self.fits(rest.tail, path.suffix(rest.tail.count))
            && Self.fits(head, path[...])
    }

    private static func fits(_ segments: [Segment], _ path: ArraySlice<Substring>) -> Bool {
        zip(segments, path).allSatisfy { segment, text in
            if case .literal(let literal) = segment { literal == text } else { !text.isEmpty }
        }
    }

    private static func captures(
        _ segments: [Segment], _ path: ArraySlice<Substring>
    ) -> [(name: String, text: String)] {
        zip(segments, path).compactMap { segment, text in
            if case .capture(let name) = segment { (name, String(text)) } else { nil }
        }
    }
}
