import ArgumentParser
import AssayClient
import AssayCrypto
import AssayDomain
import Glibc

/// Reads arguments and the files that they name.
enum Arguments {
    private static let keyBytesMax = 16 << 10

    /// `NAME=VALUE` pairs; throws `usage` for a text without a name or with one that was given before.
    static func pairs(_ texts: [String], option: String) throws(AssayError) -> [String: String]? {
        try pairs(texts, of: "--\(option)")
    }

    /// As `pairs` of an option, for texts that are given in another way, which `source` names.
    static func pairs(_ texts: [String], of source: String) throws(AssayError) -> [String: String]? {
        var pairs: [String: String] = [:]
        for text in texts {
            let (name, value) = try pair(text, of: source)
            guard pairs.updateValue(value, forKey: name) == nil else {
                throw AssayError(.usage, "\(source) names \(Printable.quote(name)) twice")
            }
        }
        return pairs.isEmpty ? nil : pairs
    }

    static func pair(_ text: String, option: String) throws(AssayError) -> (name: String, value: String) {
        try pair(text, of: "--\(option)")
    }

    private static func pair(_ text: String, of source: String) throws(AssayError) -> (name: String, value: String) {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw AssayError(
                .usage, "\(source) \(Printable.quote(text)) is not NAME=VALUE", remedy: "write it as owner=fraud")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    /// A version's number. Throws `tag-invalid`.
    static func number(_ number: Int64) throws(AssayError) -> VersionNumber {
        guard let version = VersionNumber(number) else {
            throw AssayError(.tagInvalid, "\(number) is no version number", remedy: "use 1, 2, 3 …")
        }
        return version
    }

    /// The public keys in files.
    static func publicKeys(_ paths: [String]) throws(AssayError) -> [PublicKey] {
        try paths.map { (path) throws(AssayError) in
            try PublicKey(pem: String(decoding: InputFile.read(path, bytesMax: keyBytesMax), as: UTF8.self))
        }
    }

    /// The text of a private key's file, which only its owner may read.
    ///
    /// Throws `configuration-invalid` if it is not this user's alone, and `key-invalid` if it holds what everybody may
    /// have.
    static func privateKey(_ path: String) throws(AssayError) -> String {
        let file = try InputFile(path)
        let text = String(decoding: try file.readAll(bytesMax: keyBytesMax), as: UTF8.self)
        if let label = try? PEMText.label(of: text), !label.hasSuffix("PRIVATE KEY") {  // Else reading it says why.
            throw AssayError(
                .keyInvalid, "\(Printable.quote(path)) holds no private key",
                reason: "it holds \(Printable.quote(label))",
                remedy: "name the private key, or add --signer with the command that has it")
        }
        try file.check(custody, called: "the file \(Printable.quote(path))")
        return text
    }

    /// Who may read the secrets that options name.
    private static var custody: Custody { .ofSecrets(CommandEnvironment.current.variables) }

    /// A file that only its owner, who runs this, may read; throws `configuration-invalid` for every other.
    static func secret(_ path: String) throws(AssayError) -> String {
        let file = try InputFile(path)
        try file.check(custody, called: "the file \(Printable.quote(path))")
        return String(decoding: try file.readAll(bytesMax: keyBytesMax), as: UTF8.self)
    }

    /// A time as people write it: a day, or a moment in UTC. Throws `usage`.
    static func time(_ text: String?, option: String) throws(AssayError) -> Timestamp? {
        guard let text else { return nil }
        for candidate in [text, "\(text)T00:00:00.000Z", text.replacing("Z", with: ".000Z")] {
            if let time = Timestamp(parsing: candidate) { return time }
        }
        throw AssayError(
            .usage, "--\(option) is \(Printable.quote(text, limit: 40)), which is no time",
            remedy: "write it as 2026-11-25 or 2026-11-25T08:00:00Z, in UTC")
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

extension Timestamp {
    /// The time of day; commands are where nobody hands them a clock.
    static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
