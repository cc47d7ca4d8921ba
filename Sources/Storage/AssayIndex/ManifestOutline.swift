import AssayDomain
import Glibc

/// Where in a manifest's bytes stands what the index keeps in columns.
///
/// An audit reads every manifest of a store, so it cannot decode each into values of its own. This finds the same
/// places in bytes that were a manifest when they were stored: that they still are those bytes is for the caller to
/// know. It gives nil for whatever it is not sure of, an escape or a number with an exponent for example; then the
/// decoder is asked, which decides.
struct ManifestOutline {
    typealias Place = Range<Int>

    struct Item {
        let mediaType: Place
        let digest: Place
        let size: Int64
    }

    private(set) var mediaType: Place?
    private(set) var artifactType: Place?
    private(set) var config: Item?
    private(set) var layers: [Item] = []
    private(set) var children: [Item] = []
    private(set) var subject: Item?
    private(set) var annotations: [(key: Place, value: Place)] = []

    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, memchr(start, Int32(UInt8(ascii: "\\")), bytes.count) == nil else {
            return nil
        }
        var scanner = PlainJSONScanner(bytes)
        let isWhole = scanner.object { scanner, key in
            switch key {
            case "mediaType": scanner.optional({ $0.string() }, &mediaType)
            case "artifactType": scanner.optional({ $0.string() }, &artifactType)
            case "config": scanner.optional({ $0.item() }, &config)
            case "subject": scanner.optional({ $0.item() }, &subject)
            case "layers": scanner.items(&layers)
            case "manifests": scanner.items(&children)
            case "annotations": scanner.texts(&annotations)
            default: scanner.skip()
            }
        }
        guard isWhole else { return nil }
        if artifactType?.isEmpty == true { artifactType = nil }
    }
}

/// Reads JSON that has no escapes, by places in it; every function that gives false or nil ends the reading.
private struct PlainJSONScanner {
    /// A key, to be compared with a literal.
    struct Key {
        let bytes: UnsafeRawBufferPointer

        static func ~= (name: StaticString, key: Key) -> Bool {
            guard name.utf8CodeUnitCount == key.bytes.count, let start = key.bytes.baseAddress else { return false }
            return memcmp(name.utf8Start, start, key.bytes.count) == 0
        }
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// The byte at the position, behind white space.
    private mutating func nextVisible() -> UInt8? {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
        return next
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard nextVisible() == byte else { return false }
        position += 1
        return true
    }

    /// Reads an object; `member` gets each key and reads its value.
    mutating func object(_ member: (inout PlainJSONScanner, Key) -> Bool) -> Bool {
        list("{", "}") { scanner in
            guard let key = scanner.string(), scanner.take(UInt8(ascii: ":")) else { return false }
            return member(&scanner, Key(bytes: UnsafeRawBufferPointer(rebasing: scanner.bytes[key])))
        }
    }

    private mutating func list(
        _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ element: (inout PlainJSONScanner) -> Bool
    ) -> Bool {
        guard take(UInt8(ascii: open)) else { return false }
        if take(UInt8(ascii: close)) { return true }
        repeat {
            guard element(&self) else { return false }
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: close))
    }

    /// A string's content.
    mutating func string() -> Range<Int>? {
        guard take(UInt8(ascii: "\"")), let base = bytes.baseAddress,
            let end = memchr(base + position, Int32(UInt8(ascii: "\"")), bytes.count - position)
        else { return nil }
        let start = position
        position = base.distance(to: end) + 1
        return start..<position - 1
    }

    /// A value that may be null or there.
    mutating func optional<Value>(_ read: (inout PlainJSONScanner) -> Value?, _ value: inout Value?) -> Bool {
        if nextVisible() == UInt8(ascii: "n") { return skip() }
        value = read(&self)
        return value != nil
    }

    /// A whole number that is not negative.
    private mutating func number() -> Int64? {
        guard var digit = nextVisible(), digit.isDecimalDigit else { return nil }
        var value: Int64 = 0
        repeat {
            let (product, isOver) = value.multipliedReportingOverflow(by: 10)
            let (sum, isStillOver) = product.addingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
            guard !isOver, !isStillOver else { return nil }
            value = sum
            position += 1
            guard let following = next else { return nil }
            digit = following
        } while digit.isDecimalDigit
        return digit == UInt8(ascii: ".") || digit == UInt8(ascii: "e") || digit == UInt8(ascii: "E") ? nil : value
    }

    mutating func item() -> ManifestOutline.Item? {
        var mediaType, digest: Range<Int>?
        var size: Int64?
        let isWhole = object { scanner, key in
            switch key {
            case "mediaType": scanner.optional({ $0.string() }, &mediaType)
            case "digest": scanner.optional({ $0.string() }, &digest)
            case "size": scanner.optional({ $0.number() }, &size)
            default: scanner.skip()
            }
        }
        guard isWhole, let mediaType, let digest, let size else { return nil }
        return ManifestOutline.Item(mediaType: mediaType, digest: digest, size: size)
    }

    mutating func items(_ items: inout [ManifestOutline.Item]) -> Bool {
        if nextVisible() == UInt8(ascii: "n") { return skip() }
        return list("[", "]") { scanner in
            guard let item = scanner.item() else { return false }
            items.append(item)
            return true
        }
    }

    mutating func texts(_ texts: inout [(key: Range<Int>, value: Range<Int>)]) -> Bool {
        if nextVisible() == UInt8(ascii: "n") { return skip() }
        return list("{", "}") { scanner in
            guard let key = scanner.string(), scanner.take(UInt8(ascii: ":")), let value = scanner.string() else {
                return false
            }
            texts.append((key, value))
            return true
        }
    }

    /// Passes over a value.
    mutating func skip() -> Bool {
        var depth = 0
        while let byte = nextVisible() {
            switch byte {
            case UInt8(ascii: "\""): guard string() != nil else { return false }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
                continue
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                position += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                position += 1
                continue
            default: guard skipWord() else { return false }
            }
            if depth <= 0 { return depth == 0 }
        }
        return false
    }

    /// Passes over a number or a literal; false if there is none.
    private mutating func skipWord() -> Bool {
        let start = position
        while let byte = next, !",:]}\"".utf8.contains(byte), byte > 0x20 { position += 1 }
        return position > start
    }
}
