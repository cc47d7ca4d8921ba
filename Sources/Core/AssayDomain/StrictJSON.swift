/// A check that bytes are exactly one JSON document that every reader understands alike.
///
/// Foundation's decoder takes the last of two equal keys and other readers the first; so duplicate keys are refused
/// here, as are text that is not UTF-8, trailing data and nesting beyond a limit (RFC 8259, RFC 7493 section 2), and
/// more values than anybody writes, which cost a parser much more than their bytes. Where the format names its keys
/// (`JSONShape`), another spelling of one is refused too.
package struct StrictJSON {
    /// The deepest nesting accepted; manifests need 5.
    package static let depthMax = 64

    /// The most values of a small document; a larger one has one for so many of its bytes.
    private static let valuesMax = 1 << 17
    private static let bytesPerValue = 16

    private let bytes: [UInt8]
    private let valuesMax: Int
    private var position = 0
    private var values = 0

    /// Throws `json-invalid` with the byte offset of the first fault.
    package static func check(_ bytes: [UInt8], shape: JSONShape = .free) throws(AssayError) {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw AssayError(.jsonInvalid, "the body is not valid JSON", reason: "it is not UTF-8")
        }
        var parser = StrictJSON(bytes: bytes)
        parser.skipSpace()
        try parser.value(depth: 0, shape)
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.fault("data after the end of the document") }
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
        valuesMax = max(Self.valuesMax, bytes.count / Self.bytesPerValue)
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func value(depth: Int, _ shape: JSONShape) throws(AssayError) {
        guard depth < Self.depthMax else { throw fault("nesting deeper than \(Self.depthMax)") }
        values += 1
        guard values <= valuesMax else { throw fault("over \(valuesMax) values") }
        switch next {
        case UInt8(ascii: "{"): try object(depth: depth, shape)
        case UInt8(ascii: "["): try array(depth: depth, shape)
        case UInt8(ascii: "\""): _ = try string(isKept: false)
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: try number()
        }
    }

    private mutating func object(depth: Int, _ shape: JSONShape) throws(AssayError) {
        var keys: Set<[UInt8]> = []
        try list(close: UInt8(ascii: "}")) { (parser: inout StrictJSON) throws(AssayError) in
            let key = try parser.string()
            guard keys.insert(key).inserted else { throw parser.fault("the same key twice") }
            let child = try parser.shape(of: key, in: shape)
            parser.skipSpace()
            try parser.expect(UInt8(ascii: ":"))
            parser.skipSpace()
            try parser.value(depth: depth + 1, child)
        }
    }

    /// The shape of a key's value; throws for another spelling of a key that the format names.
    private func shape(of key: [UInt8], in shape: JSONShape) throws(AssayError) -> JSONShape {
        guard case .object(let members) = shape else { return .free }
        if let name = members.name(misspeltBy: key) {
            let written = Printable.quote(String(decoding: key, as: UTF8.self), limit: 40)
            throw fault("the key \(written), which some readers take for '\(name)'")
        }
        return members.shape(of: key)
    }

    private mutating func array(depth: Int, _ shape: JSONShape) throws(AssayError) {
        let item: JSONShape = if case .list(let item) = shape { item } else { .free }
        try list(close: UInt8(ascii: "]")) { (parser: inout StrictJSON) throws(AssayError) in
            try parser.value(depth: depth + 1, item)
        }
    }

    /// Comma-separated elements between the opening byte at the position and `close`.
    private mutating func list(
        close: UInt8, element: (inout StrictJSON) throws(AssayError) -> Void
    ) throws(AssayError) {
        position += 1
        skipSpace()
        if next == close {
            position += 1
            return
        }
        while true {
            try element(&self)
            skipSpace()
            if next == close { break }
            try expect(UInt8(ascii: ","))
            skipSpace()
        }
        position += 1
    }

    /// The string at the position, escapes decoded, so that `"a"` and `"\u0061"` are the same key; nothing of one that
    /// is not kept.
    private mutating func string(isKept: Bool = true) throws(AssayError) -> [UInt8] {
        try expect(UInt8(ascii: "\""))
        var content: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return content
            case UInt8(ascii: "\\"):
                try escape(into: &content)
                if !isKept { content.removeAll(keepingCapacity: true) }
            case 0..<0x20: throw fault("a control character in a string")
            default: if isKept { content.append(byte) }
            }
        }
        throw fault("a string without an end")
    }

    private mutating func escape(into content: inout [UInt8]) throws(AssayError) {
        guard let byte = next else { throw fault("a string without an end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"): content.append(contentsOf: String(try unicodeEscape()).utf8)
        default: throw fault("an unknown escape")
        }
    }

    private mutating func unicodeEscape() throws(AssayError) -> Unicode.Scalar {
        let first = try codeUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, next == UInt8(ascii: "\\") else { throw fault("half of a surrogate pair") }
        position += 1
        try expect(UInt8(ascii: "u"))
        let second = try codeUnit()
        guard 0xDC00...0xDFFF ~= second,
            let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
        else { throw fault("half of a surrogate pair") }
        return scalar
    }

    private mutating func codeUnit() throws(AssayError) -> UInt16 {
        guard position + 4 <= bytes.count,
            let pair = Hex.decode(String(decoding: bytes[position..<position + 4], as: UTF8.self))
        else { throw fault("an escape without four hex digits") }
        position += 4
        return UInt16(pair[0]) << 8 | UInt16(pair[1])
    }

    private mutating func number() throws(AssayError) {
        if next == UInt8(ascii: "-") { position += 1 }
        if next == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if next == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(AssayError) {
        let start = position
        while let byte = next, byte.isDecimalDigit { position += 1 }
        guard position > start else { throw fault("no value where one is expected") }
    }

    private mutating func literal(_ word: StaticString) throws(AssayError) {
        for byte in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) { try expect(byte) }
    }

    private mutating func expect(_ byte: UInt8) throws(AssayError) {
        guard next == byte else { throw fault("\(Character(Unicode.Scalar(byte))) is missing") }
        position += 1
    }

    private func fault(_ reason: String) -> AssayError {
        AssayError(.jsonInvalid, "the body is not valid JSON", reason: "\(reason), at byte \(position)")
    }
}
