package value

import "math"

// powDouble is x to the power of y, the same bits on every processor: math.Pow is not, where it rests on
// assembly or fuses multiplications with additions. The method is that of fdlibm's e_pow.c, whose notice is:
//
// Copyright (C) 2004 by Sun Microsystems, Inc. All rights reserved.
// Permission to use, copy, modify, and distribute this software is freely granted, provided that this notice
// is preserved.
func powDouble(x, y float64) float64 {
	switch {
	case y == 0:
		return 1
	case math.IsNaN(x) || math.IsNaN(y):
		return math.NaN()
	case math.IsInf(y, 0):
		return powInfinite(math.Abs(x), y)
	case y == 1:
		return x
	case y == 2:
		return x * x
	case y == -1:
		return 1 / x
	case y == 0.5 && x >= 0 && !math.IsInf(x, 0) && !math.Signbit(x):
		return math.Sqrt(x)
	}
	a, p := math.Abs(x), parityOf(y)
	if a == 0 || a == 1 || math.IsInf(a, 0) {
		return powSimple(x, a, y, p)
	}
	if x < 0 && p == fractional {
		return math.NaN()
	}
	z := powPositive(a, y)
	if x < 0 && p == odd {
		return -z
	}
	return z
}

func powInfinite(a, y float64) float64 {
	switch {
	case a == 1:
		return math.NaN()
	case (a > 1) == (y > 0):
		return math.Inf(1)
	}
	return 0
}

type parity uint8

const (
	fractional parity = iota
	even
	odd
)

func parityOf(y float64) parity {
	a := math.Abs(y)
	switch {
	case a >= 1<<53:
		return even
	case a != math.Trunc(a):
		return fractional
	case int64(a)&1 == 1:
		return odd
	}
	return even
}

// powSimple is for a base that is 0, 1 or infinite but for its sign.
func powSimple(x, a, y float64, p parity) float64 {
	z := a
	if y < 0 {
		z = 1 / a
	}
	if !math.Signbit(x) {
		return z
	}
	switch {
	case a == 1 && p == fractional:
		return math.NaN()
	case p == odd:
		return -z
	}
	return z
}

const (
	powL1 = 5.99999999999994648725e-01
	powL2 = 4.28571428578550184252e-01
	powL3 = 3.33333329818377432918e-01
	powL4 = 2.72728123808534006489e-01
	powL5 = 2.30660745775561754067e-01
	powL6 = 2.06975017800338417784e-01
	powP1 = 1.66666666666666019037e-01
	powP2 = -2.77777777770155933842e-03
	powP3 = 6.61375632143793436117e-05
	powP4 = -1.65339022054652515390e-06
	powP5 = 4.13813679705723846039e-08

	powLn2     = 6.93147180559945286227e-01
	powLn2Hi   = 6.93147182464599609375e-01
	powLn2Lo   = -1.90465429995776804525e-09
	powOverLog = 8.0085662595372944372e-17 // -(1024-log2(overflow+.5ulp))

	powCp   = 9.61796693925975554329e-01 // 2/(3 ln 2)
	powCpHi = 9.61796700954437255859e-01
	powCpLo = -7.02846165095275826516e-09

	powInvLn2   = 1.44269504088896338700e+00
	powInvLn2Hi = 1.44269502162933349609e+00
	powInvLn2Lo = 1.92596299112661746887e-08
)

// powPositive is for finite a > 0, a != 1. It works with log2(a) and the product in two parts each; every
// product is rounded before it is added to anything.
func powPositive(a, y float64) float64 {
	hy := highWord(y) & 0x7fffffff
	hx := highWord(a)
	var t1, t2 float64
	if hy > 0x41e00000 { // |y| > 2^31: only bases next to 1 stay finite
		switch {
		case hy > 0x43f00000 && hx <= 0x3fefffff || hx < 0x3fefffff:
			return powExtreme(y < 0)
		case hy > 0x43f00000 && hx >= 0x3ff00000 || hx > 0x3ff00000:
			return powExtreme(y > 0)
		}
		t1, t2 = log2NearOne(a)
	} else {
		t1, t2 = log2Parts(a)
	}
	y1 := dropLow(y)
	pl := float64((y-y1)*t1) + float64(y*t2)
	ph := float64(y1 * t1)
	z := pl + ph
	switch high, low := int32(highWord(z)), lowWord(z); {
	case high >= 0x40900000: // z >= 1024
		if high != 0x40900000 || low != 0 || pl+powOverLog > z-ph {
			return powExtreme(true)
		}
	case high&0x7fffffff >= 0x4090cc00: // z <= -1075
		if uint32(high) != 0xc090cc00 || low != 0 || pl <= z-ph {
			return powExtreme(false)
		}
	}
	return exp2Parts(ph, pl, z)
}

func powExtreme(overflow bool) float64 {
	if overflow {
		return math.Inf(1)
	}
	return 0
}

func log2NearOne(a float64) (t1, t2 float64) {
	t := a - 1
	w := float64(float64(t*t) * (0.5 - float64(t*(0.3333333333333333333333-float64(t*0.25)))))
	u := float64(powInvLn2Hi * t)
	v := float64(t*powInvLn2Lo) - float64(w*powInvLn2)
	t1 = dropLow(u + v)
	return t1, v - (t1 - u)
}

func log2Parts(a float64) (t1, t2 float64) {
	n := 0
	if a < 0x1p-1022 {
		a *= 0x1p53
		n -= 53
	}
	hx := highWord(a)
	n += int(hx>>20) - 0x3ff
	j := hx & 0x000fffff
	hx = j | 0x3ff00000
	k := 0
	switch {
	case j <= 0x3988E: // a < sqrt(3/2)
	case j < 0xBB67A: // a < sqrt(3)
		k = 1
	default:
		n++
		hx -= 0x00100000
	}
	a = withHighWord(a, hx)
	bp, dpHi, dpLo := 1.0, 0.0, 0.0
	if k == 1 {
		bp, dpHi, dpLo = 1.5, 5.84962487220764160156e-01, 1.35003920212974897128e-08
	}
	u := a - bp
	v := 1 / (a + bp)
	ss := float64(u * v)
	sh := dropLow(ss)
	th := withHighWord(0, ((hx>>1)|0x20000000)+0x00080000+uint32(k)<<18)
	tl := a - (th - bp)
	sl := float64(v * ((u - float64(sh*th)) - float64(sh*tl)))
	s2 := float64(ss * ss)
	r := powL5 + float64(s2*powL6)
	r = powL4 + float64(s2*r)
	r = powL3 + float64(s2*r)
	r = powL2 + float64(s2*r)
	r = powL1 + float64(s2*r)
	r = float64(float64(s2*s2) * r)
	r += float64(sl * (sh + ss))
	s2 = float64(sh * sh)
	th = dropLow(3 + s2 + r)
	tl = r - ((th - 3) - s2)
	u = float64(sh * th)
	v = float64(sl*th) + float64(tl*ss)
	ph := dropLow(u + v)
	pl := v - (ph - u)
	zh := float64(powCpHi * ph)
	zl := float64(powCpLo*ph) + float64(pl*powCp) + dpLo
	t := float64(n)
	t1 = dropLow(((zh + zl) + dpHi) + t)
	return t1, zl - (((t1 - t) - dpHi) - zh)
}

// exp2Parts is 2 to the power of z, z being ph+pl.
func exp2Parts(ph, pl, z float64) float64 {
	hz := highWord(z)
	i := hz & 0x7fffffff
	k := int(i>>20) - 0x3ff
	n := 0
	if i > 0x3fe00000 { // |z| > 0.5: n = round(z)
		m := hz + (0x00100000 >> uint(k+1))
		k = int(m&0x7fffffff)>>20 - 0x3ff
		t := withHighWord(0, m&^(0x000fffff>>uint(k)))
		n = int((m&0x000fffff | 0x00100000) >> uint(20-k))
		if hz>>31 == 1 {
			n = -n
		}
		ph -= t
	}
	t := dropLow(pl + ph)
	u := float64(t * powLn2Hi)
	v := float64((pl-(t-ph))*powLn2) + float64(t*powLn2Lo)
	z = u + v
	w := v - (z - u)
	t = float64(z * z)
	c := powP4 + float64(t*powP5)
	c = powP3 + float64(t*c)
	c = powP2 + float64(t*c)
	c = powP1 + float64(t*c)
	c = z - float64(t*c)
	r := float64(z*c)/(c-2) - (w + float64(z*w))
	return math.Ldexp(1-(r-z), n)
}

func highWord(f float64) uint32 { return uint32(math.Float64bits(f) >> 32) }

func lowWord(f float64) uint32 { return uint32(math.Float64bits(f)) }

func dropLow(f float64) float64 { return math.Float64frombits(math.Float64bits(f) &^ 0xffffffff) }

func withHighWord(f float64, high uint32) float64 {
	return math.Float64frombits(uint64(high)<<32 | uint64(lowWord(f)))
}
