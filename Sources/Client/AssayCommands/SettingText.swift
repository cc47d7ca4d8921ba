import AssayDomain

/// Reads durations and sizes as people write them. Each throws `configuration-invalid` for what is none or lies outside
/// of what is allowed.
enum SettingText {
    private static let secondsOfUnit = ["s": 1, "m": 60, "h": 3600, "d": 24 * 3600]
    private static let bytesOfUnit = ["": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]

    /// `90s`, `15m`, `24h`, `7d`.
    static func seconds(_ text: String, option: String, in range: ClosedRange<Int>) throws(AssayError) -> Int {
        try number(text, option, range, units: secondsOfUnit, remedy: "write it as 90s, 15m, 24h or 7d")
    }

    /// `4MiB`, `64KiB`, or plain bytes.
    static func bytes(_ text: String, option: String, in range: ClosedRange<Int>) throws(AssayError) -> Int {
        try number(text, option, range, units: bytesOfUnit, remedy: "write it as 8MiB, within the limits of --help")
    }

    static func invalid(_ text: String, option: String, remedy: String) -> AssayError {
        AssayError(
            .configurationInvalid, "\(option) is \(Printable.quote(text, limit: 40))", remedy: remedy)
    }

    private static func number(
        _ text: String, _ option: String, _ range: ClosedRange<Int>, units: [String: Int], remedy: String
    ) throws(AssayError) -> Int {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), let unit = units[String(text.dropFirst(digits.count))],
            case let (value, overflow) = number.multipliedReportingOverflow(by: unit), !overflow, range.contains(value)
        else { throw invalid(text, option: option, remedy: remedy) }
        return value
    }
}
