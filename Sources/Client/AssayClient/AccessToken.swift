package import AssayDomain

/// The secret that a server beyond loopback wants with every request; it never shows itself in text.
package struct AccessToken: Sendable {
    /// The environment variable that may hold it.
    package static let variable = "ASSAY_TOKEN"
    private static let bytesMax = 4_096

    /// What goes behind `Bearer `.
    let secret: String

    /// Wraps a secret as given, without the line's end behind it; throws `configuration-invalid` for what no header can
    /// carry.
    package init(_ given: String) throws(AssayError) {
        var text = given[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        let isPlain = text.utf8.allSatisfy { 0x21...0x7E ~= $0 }
        guard !text.isEmpty, text.utf8.count <= Self.bytesMax, isPlain else {
            throw AssayError(
                .configurationInvalid, "the access token is not usable",
                reason: "a token is 1 to \(Self.bytesMax) printable ASCII characters without spaces")
        }
        secret = String(text)
    }

    /// Reads a secret from a file; throws `configuration-invalid` if that is not held as `custody` wants it.
    package init(file path: String, custody: Custody) throws(AssayError) {
        let file = try InputFile(path)
        try file.check(custody, called: "the token file \(Printable.quote(path))")
        try self.init(String(decoding: try file.readAll(bytesMax: Self.bytesMax), as: UTF8.self))
    }
}

extension AccessToken: CustomStringConvertible, CustomReflectable {
    package var description: String { "access token" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
