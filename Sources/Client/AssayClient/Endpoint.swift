package import AssayDomain

/// Where a server is: an address of the network, or a Unix socket in the file system.
package struct Endpoint: Sendable, Hashable {
    /// The longest text that is looked at, in bytes.
    package static let bytesMax = 4_096
    private static let socketScheme = "http+unix://"

    /// What goes before the path of a request; it has no slash at its end.
    package let baseURL: String

    /// Parses `http://HOST:PORT`, `https://HOST:PORT` or `http+unix://` and a percent-encoded path of a socket.
    ///
    /// Throws `configuration-invalid`, also for a path, a query or a user, which would be dropped silently later.
    package init(parsing text: String) throws(AssayError) {
        guard text.utf8.count <= Self.bytesMax else { throw Self.invalid(text, "it is too long") }
        let trimmed = text.hasSuffix("/") ? String(text.dropLast()) : text
        if let path = Self.rest(of: trimmed, after: Self.socketScheme) {
            guard path.hasPrefix("%2F") || path.hasPrefix("%2f"), path.utf8.allSatisfy(Self.isEncodedByte) else {
                throw Self.invalid(text, "a socket is an absolute path, percent-encoded")
            }
        } else if let host = Self.rest(of: trimmed, after: "http://") ?? Self.rest(of: trimmed, after: "https://") {
            guard Self.isHostAndPort(host) else { throw Self.invalid(text, "it is no plain HOST:PORT") }
        } else {
            throw Self.invalid(text, "it starts with neither http:// nor https://")
        }
        baseURL = trimmed
    }

    /// Whether it is a Unix socket.
    package var isSocket: Bool { baseURL.hasPrefix(Self.socketScheme) }

    /// Whether what is sent goes over a network without TLS.
    var isPlainHTTP: Bool { baseURL.hasPrefix("http://") }

    /// Whether both are one server by their text: hosts in any case, and a port that is left out is the scheme's.
    package func isSameServer(as other: Endpoint) -> Bool { place == other.place }

    private var place: String {
        guard !isSocket else { return baseURL }
        let text = baseURL.lowercased()
        let standard = text.hasPrefix("https:") ? ":443" : ":80"
        return text.hasSuffix(standard) ? String(text.dropLast(standard.count)) : text
    }

    private init(unchecked baseURL: String) { self.baseURL = baseURL }

    /// The server that listens on a Unix socket; the path is absolute.
    package static func unixSocket(path: String) -> Endpoint {
        Endpoint(unchecked: socketScheme + PercentEncoding.encode(path))
    }

    private static func rest(of text: String, after prefix: String) -> String? {
        text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
    }

    private static func isEncodedByte(_ byte: UInt8) -> Bool { byte.isAlphanumeric || "%-._~".utf8.contains(byte) }

    /// A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port.
    private static func isHostAndPort(_ text: String) -> Bool {
        var host = text[...]
        if let close = text.lastIndex(of: "]") {
            guard text.hasPrefix("["), isPort(text[text.index(after: close)...]) else { return false }
            host = text[text.index(after: text.startIndex)..<close]
            return !host.isEmpty && host.utf8.allSatisfy { $0.isAlphanumeric || ":.".utf8.contains($0) }
        }
        if let colon = text.firstIndex(of: ":") {
            guard isPort(text[colon...]) else { return false }
            host = text[..<colon]
        }
        return !host.isEmpty && host.utf8.allSatisfy { $0.isAlphanumeric || "-._".utf8.contains($0) }
    }

    /// Nothing, or a colon and a number that a port can have.
    private static func isPort(_ text: Substring) -> Bool {
        guard let first = text.first else { return true }
        let digits = text.dropFirst()
        guard first == ":", 1...5 ~= digits.utf8.count, digits.utf8.allSatisfy(\.isDecimalDigit) else { return false }
        return UInt16(digits).map { $0 > 0 } ?? false
    }

    private static func invalid(_ text: String, _ reason: String) -> AssayError {
        AssayError(
            .configurationInvalid, "\(Printable.quote(text)) is not the address of a server", reason: reason,
            remedy: "write it as http://127.0.0.1:8080")
    }
}

extension Endpoint {
    /// What it is called in messages: the path of a socket means nothing to who named a store.
    package var shown: String { isSocket ? "the store's server" : baseURL }
}

extension Endpoint: CustomStringConvertible {
    package var description: String { baseURL }
}
