/// Reads the few Python literals of an array header: a dictionary of strings, booleans and tuples of whole numbers.
struct PythonLiteralParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads the whole text as one dictionary; `value` is called after each key and reads what belongs to it.
    mutating func parseDictionary(
        _ value: (String, inout PythonLiteralParser) throws(NpyError) -> Void
    ) throws(NpyError) {
        // Python takes a text that begins with a line end and spaces for a badly indented one.
        guard bytes.first == UInt8(ascii: "{") else { throw .malformedHeader }
        try expect("{")
        while !take("}") {
            let key = try string()
            try expect(":")
            try value(key, &self)
            if !take(",") {
                try expect("}")
                break
            }
        }
        skipSpace()
        // A line end is the last byte or nowhere: Python is particular about what stands at the start of a line.
        if position < bytes.count, bytes[position] == UInt8(ascii: "\n") { position += 1 }
        guard position == bytes.count else { throw .malformedHeader }
    }

    /// A string in either kind of quotes, of printable ASCII without escapes.
    mutating func string() throws(NpyError) -> String {
        let quote: UInt8 = take("'") ? UInt8(ascii: "'") : UInt8(ascii: "\"")
        if quote == UInt8(ascii: "\"") { try expect("\"") }
        let start = position
        while position < bytes.count, bytes[position] != quote {
            guard (0x20..<0x7F).contains(bytes[position]), bytes[position] != UInt8(ascii: "\\") else {
                throw .malformedHeader
            }
            position += 1
        }
        guard position < bytes.count else { throw .malformedHeader }
        defer { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    mutating func boolean() throws(NpyError) -> Bool {
        if takeWord("True") { return true }
        if takeWord("False") { return false }
        throw .malformedHeader
    }

    /// A tuple of whole numbers from 0; `(5)` is a number in Python and no tuple.
    mutating func tuple(countMax: Int) throws(NpyError) -> [Int] {
        try expect("(")
        var numbers: [Int] = []
        while !take(")") {
            guard numbers.count < countMax else { throw .malformedHeader }
            numbers.append(try wholeNumber())
            if !take(",") {
                guard numbers.count > 1 else { throw .malformedHeader }
                try expect(")")
                break
            }
        }
        return numbers
    }

    private mutating func wholeNumber() throws(NpyError) -> Int {
        skipSpace()
        let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        // A zero in front of other digits is no number in Python.
        guard let number = Int(String(decoding: digits, as: UTF8.self)),
            digits.count == 1 || digits.first != UInt8(ascii: "0")
        else { throw .malformedHeader }
        position += digits.count
        return number
    }

    private mutating func skipSpace() {
        while position < bytes.count, bytes[position] == UInt8(ascii: " ") { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func takeWord(_ word: String) -> Bool {
        skipSpace()
        guard bytes[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(NpyError) {
        guard take(character) else { throw .malformedHeader }
    }
}
