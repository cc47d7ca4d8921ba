import AssayDomain
import Foundation

/// Figures of the report as text, with their units.
enum Quantity {
    /// `12 345`: thousands apart by a thin space, which no reader takes for a decimal sign.
    static func grouped(_ count: Int) -> String {
        let digits = String(count.magnitude)
        var text = ""
        for (position, digit) in digits.enumerated() {
            if position > 0, (digits.count - position).isMultiple(of: 3) { text += "\u{2009}" }
            text.append(digit)
        }
        return (count < 0 ? "-" : "") + text
    }

    /// Whole numbers as they are, others with four decimals, and small ones with four digits.
    static func metric(_ value: Double) -> String {
        if let whole = Int64(exactly: value), abs(value) < 1e15 { return "\(whole)" }
        if abs(value) >= 0.001, abs(value) < 1e9 { return Figure.metric(value) }
        return scientific(value)
    }

    /// `1.234e-05`. Powers of ten that numbers can have are more than they can have as a factor, so this is left to
    /// the library of C.
    private static func scientific(_ value: Double) -> String { String(format: "%.3e", value) }

    /// `300`, `0.03`: a digit and its power of ten.
    static func plain(_ value: Double) -> String {
        let exponent = decimalExponent(of: value)
        return (-6..<9).contains(exponent) ? Figure.fixed(value, max(0, -exponent)) : scientific(value)
    }

    /// `+0.0120`: as a metric, with its sign.
    static func difference(_ value: Double) -> String { (value > 0 ? "+" : "") + metric(value) }

    static func percent(_ share: Double) -> String {
        let text = Figure.fixed(share * 100, 1)
        return (text.hasSuffix(".0") ? String(text.dropLast(2)) : text) + "\u{2009}%"
    }

    /// Samples per second.
    static func rate(_ value: Double) -> String {
        value >= 100 && value < 1e15 ? grouped(Int(value.rounded())) : metric(value)
    }

    static func samples(_ count: Int) -> String { count == 1 ? "1 sample" : "\(grouped(count)) samples" }
    static func threads(_ count: Int) -> String { count == 1 ? "1 thread" : "\(count) threads" }

    /// The largest e with 10^e at most the value; 0 for what has none.
    static func decimalExponent(of value: Double) -> Int {
        guard value.isFinite, value > 0 else { return 0 }
        var exponent = 0
        var rest = value
        while rest >= 10, exponent < 400 { (rest, exponent) = (rest / 10, exponent + 1) }
        while rest < 1, exponent > -400 { (rest, exponent) = (rest * 10, exponent - 1) }
        return exponent
    }

    static func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        for _ in 0..<abs(exponent) { result *= base }
        return exponent < 0 ? 1 / result : result
    }
}
