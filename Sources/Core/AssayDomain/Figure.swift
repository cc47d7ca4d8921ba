/// Figures as tables print them.
package enum Figure {
    package static func metric(_ value: Double) -> String { fixed(value, 4) }
    package static func ratio(_ value: Double) -> String { fixed(value, 3) + "x" }
    /// `0.991x to 1.021x at 95 %`
    package static func interval(_ bounds: ClosedRange<Double>, _ confidence: Double) -> String {
        "\(ratio(bounds.lowerBound)) to \(ratio(bounds.upperBound)) at \(percent(confidence))"
    }
    /// A share as a percentage: `95 %`, `99.9 %`.
    package static func percent(_ share: Double) -> String {
        let tenths = fixed(share * 100, 1)
        return (tenths.hasSuffix(".0") ? String(tenths.dropLast(2)) : tenths) + " %"
    }
    /// From microseconds, in the unit that reads best: `2.1 µs`, `1.500 ms`, `2.500 s`.
    package static func duration(_ microseconds: Double) -> String {
        if microseconds < 1000 { return fixed(microseconds, 1) + " µs" }
        return microseconds < 1_000_000
            ? fixed(microseconds / 1000, 3) + " ms" : fixed(microseconds / 1_000_000, 3) + " s"
    }

    /// `1 file`, `3 files`
    package static func files(_ count: Int) -> String { count == 1 ? "1 file" : "\(count) files" }

    /// A size with a binary unit: `1.5 MiB`.
    package static func bytes(_ count: Int64) -> String {
        var value = Double(count)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1024 { return unit == "B" ? "\(count) B" : "\(fixed(value, 1)) \(unit)" }
            value /= 1024
        }
        return "\(fixed(value, 1)) TiB"
    }

    /// Rounded half away from zero to a number of decimals.
    package static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
        var scale: Int64 = 1
        for _ in 0..<decimals { scale *= 10 }
        guard let scaled = Int64(exactly: (abs(value) * Double(scale)).rounded(.toNearestOrAwayFromZero)) else {
            return "\(value)"
        }
        let fraction = String(scaled % scale)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return "\(sign)\(scaled)" }
        return "\(sign)\(scaled / scale)." + String(repeating: "0", count: decimals - fraction.utf8.count) + fraction
    }
}
