/// The records of one pax header that a reader must obey.
///
/// Source: POSIX.1-2017, pax, "pax Extended Header". Records that tell about times, owners and comments are read and
/// dropped; every other key is refused, since it could change what the member is.
struct PaxRecords {
    /// The longest header; paths and sizes need a small part of it.
    static let bytesMax = 65_536

    private(set) var path: String?
    private(set) var size: Int64?

    private static let ignoredKeys: Set<String> = [
        "atime", "ctime", "mtime", "uid", "gid", "uname", "gname", "comment", "LIBARCHIVE.creationtime",
    ]
    /// Keys that a header for all later members may have.
    private static let globalKeys: Set<String> = ["comment"]

    init(_ bytes: [UInt8], isGlobal: Bool) throws(ArchiveError) {
        var rest = bytes[...]
        var keys: Set<String> = []
        while !rest.isEmpty {
            let (key, value) = try Self.nextRecord(&rest)
            guard keys.insert(key).inserted else { throw Self.ambiguous("has the key '\(key)' twice") }
            guard !isGlobal || Self.globalKeys.contains(key) else {
                throw Self.ambiguous("sets '\(key)' for all members")
            }
            try apply(key, value)
        }
    }

    private mutating func apply(_ key: String, _ value: String) throws(ArchiveError) {
        switch key {
        case "path":
            path = value
        case "size":
            guard let size = Int64(value), size >= 0, value.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else {
                throw ArchiveError(.sizeInvalid, "a pax size is not a number of bytes")
            }
            self.size = size
        case "hdrcharset":
            // Both mean bytes as they are, which must be UTF-8 here in any case.
            guard value == "ISO-IR 10646 2000 UTF-8" || value == "BINARY" else {
                throw Self.ambiguous("has another character set")
            }
        default:
            guard Self.ignoredKeys.contains(key) else { throw Self.ambiguous("has the key '\(key)'") }
        }
    }

    /// Takes one record, `length key=value\n`, where the length counts the whole record.
    private static func nextRecord(_ rest: inout ArraySlice<UInt8>) throws(ArchiveError) -> (String, String) {
        let digits = rest.prefix { 0x30...0x39 ~= $0 }
        guard 1...6 ~= digits.count, let length = Int(String(decoding: digits, as: UTF8.self)),
            length <= rest.count, length > digits.count + 1
        else { throw malformed }
        let record = rest.prefix(length)
        rest = rest.dropFirst(length)
        guard record.last == UInt8(ascii: "\n"), record.dropFirst(digits.count).first == UInt8(ascii: " ") else {
            throw malformed
        }
        let body = record.dropFirst(digits.count + 1).dropLast()
        guard let equals = body.firstIndex(of: UInt8(ascii: "=")), equals > body.startIndex,
            let key = String(validating: body[..<equals], as: UTF8.self),
            let value = String(validating: body[(equals + 1)...], as: UTF8.self), !value.utf8.contains(0)
        else { throw malformed }
        return (key, value)
    }

    private static var malformed: ArchiveError { ArchiveError(.headerInvalid, "a pax header is malformed") }

    private static func ambiguous(_ reason: String) -> ArchiveError {
        ArchiveError(.ambiguousHeader, "a pax header \(reason)")
    }
}
