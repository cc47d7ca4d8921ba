/// A text that is equal to another one only if all of their bytes are.
///
/// Swift's own comparison of texts, and with it every set and dictionary of them, takes `é` written as one scalar and
/// as two for the same; file systems, signatures and other programs do not. So paths, and whatever else names files,
/// are compared as this: OpenSSF Model Signing v1.0, 6.1.2, demands it, and `RepositoryTests` looks for what forgets
/// it.
package struct ExactText: Sendable {
    package let text: String

    package init(_ text: some StringProtocol) { self.text = String(text) }
}

extension ExactText: Hashable {
    package static func == (left: ExactText, right: ExactText) -> Bool { left.text.isExactly(right.text) }

    package func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
        hasher.combine(text.utf8.count)
    }
}

extension ExactText: Comparable {
    package static func < (left: ExactText, right: ExactText) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}

extension StringProtocol {
    /// Whether all bytes of two texts are equal.
    package func isExactly(_ other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

    /// The parts between slashes, by bytes: a mark that combines with a slash does not hide it.
    package var pathComponents: [SubSequence] {
        var parts: [SubSequence] = []
        var start = startIndex
        for place in utf8.indices where utf8[place] == UInt8(ascii: "/") {
            parts.append(self[start..<place])
            start = utf8.index(after: place)
        }
        return parts + [self[start...]]
    }
}
