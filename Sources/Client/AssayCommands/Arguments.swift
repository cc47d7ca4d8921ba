import ArgumentParser
import AssayClient
import AssayCrypto
import AssayDomain
import Glibc

/// Reads arguments and the files that they name.
enum Arguments {
    private static let keyBytesMax = 16 << 10
    private static let othersMayRead: mode_t = 0o077

    /// `NAME=VALUE` pairs; throws `usage` for a text without a name or with one that was given before.
    static func pairs(_ texts: [String], option: String) throws(AssayError) -> [String: String]? {
        var pairs: [String: String] = [:]
        for text in texts {
            let (name, value) = try pair(text, option: option)
            guard pairs.updateValue(value, forKey: name) == nil else {
                throw AssayError(.usage, "--\(option) names \(Printable.quote(name)) twice")
            }
        }
        return pairs.isEmpty ? nil : pairs
    }

    static func pair(_ text: String, option: String) throws(AssayError) -> (name: String, value: String) {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw AssayError(.usage, "--\(option) \(Printable.quote(text)) is not NAME=VALUE")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    /// The public keys in files.
    static func publicKeys(_ paths: [String]) throws(AssayError) -> [PublicKey] {
        try paths.map { (path) throws(AssayError) in
            try PublicKey(pem: String(decoding: LocalFile(opening: path).readAll(bytesMax: keyBytesMax), as: UTF8.self))
        }
    }

    /// A private key in a file; throws `configuration-invalid` if others may read that file.
    static func privateKey(_ path: String) throws(AssayError) -> PrivateKey {
        let file = try LocalFile(opening: path)
        guard file.identity.mode & othersMayRead == 0 else {
            throw AssayError(
                .configurationInvalid, "the key file \(Printable.quote(path)) is readable by others",
                remedy: "run chmod 600 on it")
        }
        return try PrivateKey(pem: String(decoding: file.readAll(bytesMax: keyBytesMax), as: UTF8.self))
    }

    /// An alias of a repository as a reference.
    static func alias(_ repository: String, _ alias: String) throws(AssayError) -> Reference {
        Reference(try RepositoryName(parsing: repository), try AliasName(parsing: alias))
    }

    /// The kind of a repository, if one was given.
    static func kind(_ text: String?) throws(AssayError) -> Repository.Kind? {
        guard let text else { return nil }
        guard let kind = Repository.Kind(rawValue: text) else {
            throw AssayError(
                .usage, "\(Printable.quote(text)) is no kind of repository", remedy: "use model or dataset")
        }
        return kind
    }
}
