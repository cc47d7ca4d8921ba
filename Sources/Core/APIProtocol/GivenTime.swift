package import AssayDomain

/// A time as callers give it: RFC 3339 in any zone, with seconds of any fineness. It is kept, and written, as a
/// `Timestamp`.
package struct GivenTime: Sendable, Hashable, Codable {
    /// What was given, without what is finer than a millisecond.
    package let time: Timestamp

    package init(_ time: Timestamp) { self.time = time }

    /// Nil for what is no such time.
    package init?(parsing text: String) {
        let bytes = Array(text.utf8)
        guard 20...Self.bytesMax ~= bytes.count, "Tt".utf8.contains(bytes[10]) else { return nil }
        // Behind the seconds stand their fraction, if there is one, and the zone.
        var zone = bytes[19...]
        var fraction: ArraySlice<UInt8> = []
        if zone.first == UInt8(ascii: ".") {
            fraction = zone.dropFirst().prefix(while: \.isDecimalDigit)
            zone = zone.dropFirst(1 + fraction.count)
            guard !fraction.isEmpty else { return nil }
        }
        guard let minutes = Self.minutes(ofZone: Array(zone)) else { return nil }
        let milliseconds = String(decoding: fraction.prefix(3), as: UTF8.self)
        let written =
            String(decoding: bytes[..<10], as: UTF8.self) + "T" + String(decoding: bytes[11..<19], as: UTF8.self) + "."
            + milliseconds + String(repeating: "0", count: 3 - milliseconds.utf8.count) + "Z"
        guard let local = Timestamp(parsing: written) else { return nil }
        time = local.advanced(bySeconds: -60 * minutes)
        // Before the year 0 and after 9999 there is no form to write it in.
        guard Timestamp(parsing: time.description) != nil else { return nil }
    }

    /// The most bytes of a time.
    private static let bytesMax = 40

    /// How far a zone, such as `Z` or `+02:00`, is ahead of UTC, in minutes; nil for what is none.
    private static func minutes(ofZone zone: [UInt8]) -> Int64? {
        if zone.count == 1, "Zz".utf8.contains(zone[0]) { return 0 }
        guard zone.count == 6, "+-".utf8.contains(zone[0]), zone[3] == UInt8(ascii: ":"),
            (zone[1...2] + zone[4...5]).allSatisfy(\.isDecimalDigit)
        else { return nil }
        let digits = (zone[1...2] + zone[4...5]).map { Int64($0 - UInt8(ascii: "0")) }
        let (hours, minutes) = (10 * digits[0] + digits[1], 10 * digits[2] + digits[3])
        guard hours < 24, minutes < 60 else { return nil }
        return (zone[0] == UInt8(ascii: "-") ? -1 : 1) * (60 * hours + minutes)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let given = GivenTime(parsing: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a time as RFC 3339 has it")
        }
        self = given
    }

    package func encode(to encoder: any Encoder) throws { try time.encode(to: encoder) }
}
