package import AssayDomain

/// Texts that hold one PEM block (RFC 7468), looked at before OpenSSL sees them.
package enum PEMText {
    /// The longest text that is looked at, in bytes; a certificate of 64 KiB fits, and a P-521 key has under 500.
    static let bytesMax = 98_304
    /// How the labels of all private keys end.
    private static let privateKey = "PRIVATE KEY"

    /// The label of the one block in the text, such as `PUBLIC KEY`; nothing is said of what is in the block.
    ///
    /// Throws as `block`.
    package static func label(of text: String) throws(AssayError) -> String { try block(in: text).label }

    /// Whether bytes hold a block of a private key, of whatever kind and encrypted or not, among whatever else.
    package static func holdsPrivateKey(_ bytes: [UInt8]) -> Bool {
        let kind = "PRIVATE KEY", begin = "-----BEGIN ", dashes = "-----"
        // Most files have no such bytes at all.
        guard bytes.firstRange(of: Array(kind.utf8)) != nil else { return false }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.trimmingPrefix(while: \.isWhitespace) }
        return lines.indices.contains { index in
            guard lines[index].hasPrefix(begin),
                let end = lines[index].dropFirst(begin.count).firstRange(of: dashes)?.lowerBound
            else { return false }
            let label = lines[index][..<end].dropFirst(begin.count)
            return label.contains(kind) && lines[index...].contains { $0.hasPrefix("-----END \(label)\(dashes)") }
        }
    }

    /// The one block in a text, by itself, and its label. Text before and behind it, such as `openssl x509 -text`
    /// writes, is passed over (RFC 7468, section 2), and OpenSSL never sees it.
    ///
    /// Throws `key-invalid` for two blocks and for none.
    static func block(in text: String) throws(AssayError) -> (label: String, text: String) {
        guard text.utf8.count <= bytesMax else { throw malformed("it is longer than \(bytesMax) bytes") }
        // Blank lines stay: one stands between the headers of an encrypted key and its content.
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        let begin = "-----BEGIN ", end = "-----END ", dashes = "-----"
        // Dashes at the beginning of a line are a block's, wherever they stand.
        let marks = lines.indices.filter { lines[$0].hasPrefix(dashes) }
        guard marks.count == 2, lines[(marks[0] + 1)..<marks[1]].contains(where: { !$0.allSatisfy(\.isWhitespace) })
        else { throw malformed("it is not one PEM block") }
        let (first, last) = (lines[marks[0]], lines[marks[1]])
        guard first.hasPrefix(begin), first.hasSuffix(dashes), first.utf8.count > begin.utf8.count + dashes.utf8.count
        else { throw malformed("it is not one PEM block") }
        let label = String(first.dropFirst(begin.count).dropLast(dashes.count))
        guard last == end + label + dashes else { throw malformed("it is not one PEM block") }
        return (label, lines[marks[0]...marks[1]].joined(separator: "\n") + "\n")
    }

    /// Throws `key-invalid` unless the one block in the text has this label; `wanted` names it for people.
    static func demand(_ label: String, of text: String, wanted: String) throws(AssayError) {
        let found = try self.label(of: text)
        guard found == label else { throw refusal(label: found, wanted: wanted) }
    }

    static func refusal(label: String, wanted: String) -> AssayError {
        let isSecret = label.hasSuffix(privateKey)
        return AssayError(
            .keyInvalid, "the text is not \(wanted)", reason: "it holds \(Printable.quote(label, limit: 40))",
            remedy: isSecret ? "keep the private key to yourself, and name its public key" : nil)
    }

    private static func malformed(_ reason: String) -> AssayError {
        AssayError(
            .keyInvalid, "the text is not readable", reason: reason, remedy: "give one key or certificate in PEM form")
    }
}
