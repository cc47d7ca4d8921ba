/// How long ago something may be, as people write it: `30d`.
package struct Age: Sendable, Hashable, CustomStringConvertible {
    /// As it was written.
    package let description: String
    package let seconds: Int64

    package static let unitsText = "seconds, minutes, hours, days or weeks (s, m, h, d, w)"

    /// A hundred years.
    private static let secondsMax: Int64 = 36_525 * 86_400
    private static let units: [UInt8: Int64] = [
        UInt8(ascii: "s"): 1, UInt8(ascii: "m"): 60, UInt8(ascii: "h"): 3_600, UInt8(ascii: "d"): 86_400,
        UInt8(ascii: "w"): 604_800,
    ]

    /// Reads a whole number above 0 without a leading zero, and a unit; nil for anything else, and for over 100 years.
    package init?(parsing text: String) {
        guard let last = text.utf8.last, let unit = Self.units[last], text.utf8.count <= 12 else { return nil }
        let digits = text.utf8.dropLast()
        guard let first = digits.first, first != UInt8(ascii: "0"), digits.allSatisfy(\.isDecimalDigit),
            let number = Int64(String(decoding: digits, as: UTF8.self))
        else { return nil }
        let (seconds, overflows) = number.multipliedReportingOverflow(by: unit)
        guard !overflows, 1...Self.secondsMax ~= seconds else { return nil }
        description = text
        self.seconds = seconds
    }

    /// The last moment at which something of a time is not older than this.
    package func end(of time: Timestamp) -> Timestamp {
        let (sum, overflows) = time.milliseconds.addingReportingOverflow(seconds * 1_000)
        return Timestamp(milliseconds: overflows ? .max : sum)
    }
}

extension Age: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let age = Age(parsing: text) else {
            throw AssayError(
                .policyInvalid, "\(Printable.quote(text, limit: 40)) is no age",
                remedy: "write a whole number of \(Self.unitsText), as 30d")
        }
        self = age
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
