// Photograph 1: the ring from the front, on plaster, with three pebbles.
// Written for Hallmark. Licence: Apache-2.0 OR MIT.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 16 adc_bailout 0.02 }

#declare Eye = <7, 48, -47>;
#include "studio.inc"
#include "ring.inc"

camera { location Eye look_at <0.7, 2.2, 1.0> right x * image_width / image_height angle 29 }

Softbox(<-25, 75, 20>, 80, 55, 1.75)
Softbox(<-75, 30, -25>, 45, 70, 1.1)
Softbox(<85, 30, -30>, 20, 70, 1.2)
Softbox(<25, 45, -100>, 60, 26, 0.75)
Lamp(<-25, 72, 20>, rgb <1, 0.965, 0.92> * 1.05, 34)
Lamp(<-75, 32, -25>, rgb <0.93, 0.96, 1> * 0.28, 36)
light_source { <60, 60, -60> rgb <1, 0.98, 0.95> * 0.10 shadowless }
sky_sphere {
  pigment {
    gradient y
    color_map { [0 rgb <0.30, 0.27, 0.24>] [0.35 rgb <0.10, 0.10, 0.11>] [0.7 rgb <0.22, 0.22, 0.23>] [1 rgb <0.16, 0.16, 0.17>] }
  }
}

#ifndef (Depth)
#declare Plaster = texture {
  pigment {
    granite turbulence 0.2 scale 14
    color_map { [0 rgb <0.70, 0.655, 0.60>] [0.5 rgb <0.735, 0.695, 0.64>] [1 rgb <0.67, 0.63, 0.57>] }
  }
  normal { average normal_map { [0.6 granite 0.22 scale 3] [0.6 bumps 0.20 scale 0.4] [1 bozo 0.5 scale 11] } }
  finish { ambient 0 diffuse 0.80 specular 0.02 roughness 0.1 }
}
#declare Basalt = texture {
  pigment {
    granite scale 3.2
    color_map { [0 rgb <0.045, 0.05, 0.055>] [0.55 rgb <0.085, 0.09, 0.095>] [0.8 rgb <0.16, 0.16, 0.16>] [1 rgb <0.05, 0.05, 0.055>] }
  }
  normal { bumps 0.12 scale 0.3 }
  finish { ambient 0 diffuse 0.8 specular 0.10 roughness 0.06 }
}
#declare Greywacke = texture {
  pigment {
    granite scale 2.4
    color_map { [0 rgb <0.30, 0.31, 0.31>] [0.6 rgb <0.37, 0.38, 0.38>] [0.97 rgb <0.24, 0.25, 0.26>] [1 rgb 0.6] }
  }
  normal { bumps 0.12 scale 0.3 }
  finish { ambient 0 diffuse 0.8 specular 0.06 roughness 0.08 }
}
#else
#declare Plaster = Unlit
#declare Basalt = Unlit
#declare Greywacke = Unlit
#end

plane { y, -9.72 texture { Plaster } }
object { Pebble(0.3) scale <13, 6.2, 8.5> rotate 16 * y translate <-8.5, -4.3, 15.5> texture { Basalt } }
object { Pebble(1.9) scale <7, 3.9, 6> rotate -30 * y translate <16.5, -6.2, 12> texture { Greywacke } }
object { Pebble(4.0) scale <3.4, 2.0, 2.9> rotate 50 * y translate <15.5, -7.9, -3.5> texture { Basalt } }

object { Ring translate 9.7 * y rotate -9 * x translate -9.7 * y rotate -17 * y }
