package import AssayDomain

/// What the Range header of a request asks for.
///
/// Source: RFC 9110, section 14. A header of another unit or form, or with several ranges, is ignored, as the RFC
/// allows: the answer is then the whole.
package enum ByteRange: Sendable, Equatable {
    case whole
    case part(Range<Int64>)

    /// Applies a header to content of a size. Throws `range-not-satisfiable` for a range that begins behind the end.
    package init(header: String?, size: Int64) throws(AssayError) {
        guard let header, header.hasPrefix("bytes=") else {
            self = .whole
            return
        }
        let text = header.dropFirst("bytes=".count)
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy(\.isDecimalDigit) }) else {
            self = .whole
            return
        }
        self = try Self.resolve(first: parts[0], last: parts[1], size: size)
    }

    private static func resolve(first: Substring, last: Substring, size: Int64) throws(AssayError) -> ByteRange {
        let unsatisfiable = AssayError(
            .rangeNotSatisfiable, "the range lies outside of the content", reason: "it has \(size) bytes")
        if first.isEmpty {
            guard !last.isEmpty else { return .whole }
            let count = min(Int64(last) ?? .max, size)
            guard count > 0 else { throw unsatisfiable }
            return .part(size - count..<size)
        }
        guard let start = Int64(first), start < size else { throw unsatisfiable }
        guard !last.isEmpty else { return .part(start..<size) }
        let end = min(Int64(last) ?? .max, size - 1)
        guard end >= start else { throw unsatisfiable }
        return .part(start..<end + 1)
    }
}
