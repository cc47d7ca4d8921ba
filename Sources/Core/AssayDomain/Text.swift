/// Hexadecimal text of bytes.
package enum Hex {
    /// Two lower-case digits per byte.
    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        // Not generic from here on, as that is many times faster.
        bytes.withContiguousStorageIfAvailable(encode) ?? Array(bytes).withUnsafeBufferPointer(encode)
    }

    private static func encode(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        String(unsafeUninitializedCapacity: 2 * bytes.count) { buffer in
            var position = 0
            for byte in bytes {
                buffer[position] = digit(byte >> 4)
                buffer[position + 1] = digit(byte & 15)
                position += 2
            }
            return position
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// The bytes of an even number of digits of either case; nil if it is anything else.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 2)
        var high: UInt8?
        for character in text.utf8 {
            guard let value = value(of: character) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// Text from outside made safe to print: a terminal, a log line or an error message never sees its control characters.
package enum Printable {
    /// The text with control and invisible formatting characters written as `\u{…}`, cut to `limit` characters.
    package static func escape(_ text: some StringProtocol, limit: Int = 200) -> String {
        var result = ""
        for (position, scalar) in text.unicodeScalars.enumerated() {
            if position >= limit { return result + "…" }
            if isHidden(scalar) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A JSON document that says the same with these characters written as JSON has it (RFC 8259, section 7); line
    /// feeds between its parts stay.
    package static func escape(json document: some StringProtocol) -> String {
        var result = ""
        var (isInText, isEscaped) = (false, false)
        for scalar in document.unicodeScalars {
            switch scalar {
            case "\n" where !isInText, " ": result.unicodeScalars.append(scalar)
            case "\t" where !isInText, "\r" where !isInText: result += " "
            case _ where isHidden(scalar):
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
                }
            default: result.unicodeScalars.append(scalar)
            }
            if scalar == "\"", !isEscaped { isInText.toggle() }
            isEscaped = isInText && scalar == "\\" && !isEscaped
        }
        return result
    }

    /// Whether a character commands a terminal, or changes how others are read without being seen.
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }

    /// Whether escaping changes nothing of the text.
    package static func isPlain(_ text: some StringProtocol) -> Bool {
        escape(text, limit: text.unicodeScalars.count) == text
    }

    /// The escaped text in single quotes.
    package static func quote(_ text: some StringProtocol, limit: Int = 200) -> String {
        "'\(escape(text, limit: limit))'"
    }
}

extension UInt8 {
    package var isDecimalDigit: Bool { UInt8(ascii: "0") <= self && self <= UInt8(ascii: "9") }
    package var isLowerHexDigit: Bool { isDecimalDigit || (UInt8(ascii: "a") <= self && self <= UInt8(ascii: "f")) }
    package var isLowerAlphanumeric: Bool { isDecimalDigit || (UInt8(ascii: "a") <= self && self <= UInt8(ascii: "z")) }
    package var isAlphanumeric: Bool { isLowerAlphanumeric || (UInt8(ascii: "A") <= self && self <= UInt8(ascii: "Z")) }
}

/// Text as it stands in a path segment or in a query.
package enum PercentEncoding {
    /// Percent-encodes everything but the unreserved characters (RFC 3986, section 2.3).
    package static func encode(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            if byte.isAlphanumeric || "-._~".utf8.contains(byte) {
                result.append(byte)
            } else {
                result.append(UInt8(ascii: "%"))
                result.append(contentsOf: Hex.encode([byte]).uppercased().utf8)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
