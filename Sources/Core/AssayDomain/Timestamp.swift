/// A moment in Unix time, in whole milliseconds, written as RFC 3339 in UTC.
package struct Timestamp: Sendable, Hashable, Comparable {
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package func advanced(bySeconds seconds: Int64) -> Timestamp {
        Timestamp(milliseconds: milliseconds + seconds * 1000)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }
}

extension Timestamp: CustomStringConvertible {
    /// `2026-11-23T06:17:00.250Z`
    package var description: String {
        let day = Int64((Double(milliseconds) / 86_400_000).rounded(.down))
        let rest = milliseconds - day * 86_400_000
        let (year, month, dayOfMonth) = Self.civil(fromDays: day)
        let second = rest / 1000
        return Self.pad(year, 4) + "-" + Self.pad(month, 2) + "-" + Self.pad(dayOfMonth, 2) + "T"
            + Self.pad(second / 3600, 2) + ":" + Self.pad(second / 60 % 60, 2) + ":" + Self.pad(second % 60, 2) + "."
            + Self.pad(rest % 1000, 3) + "Z"
    }

    /// The proleptic Gregorian date of a day counted from 1970-01-01, by eras of 400 years (146,097 days).
    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

extension Timestamp: Codable {
    /// Reads the one form that `description` writes; nil for any other.
    package init?(parsing text: String) {
        let parts = text.utf8.split(whereSeparator: { !$0.isDecimalDigit }).compactMap { Int64(String($0) ?? "") }
        guard parts.count == 7, parts[0] <= 9999, 1...12 ~= parts[1], 1...31 ~= parts[2] else { return nil }
        let shiftedYear = parts[1] <= 2 ? parts[0] - 1 : parts[0]
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let marchMonth = parts[1] > 2 ? parts[1] - 3 : parts[1] + 9
        let dayOfYear = (153 * marchMonth + 2) / 5 + parts[2] - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        guard parts[3] < 24, parts[4] < 60, parts[5] < 60, parts[6] < 1000 else { return nil }
        let second = parts[3] * 3600 + parts[4] * 60 + parts[5]
        self.init(milliseconds: (days * 86_400 + second) * 1000 + parts[6])
        guard description == text else { return nil }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let timestamp = Timestamp(parsing: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a time as RFC 3339 in UTC")
        }
        self = timestamp
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
